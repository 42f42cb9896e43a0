"""Put the diffusion stage of one model behind the first stage of another of the same kind, and write the model folder.

    python scripts/join_stages.py --stage1 RUN --stage2 RUN --out MODEL [--card FILE]

RUN is the folder of a training, or a model folder. For a diffusion stage that learned behind an operator trained on
half of the events (on those that this operator had not seen), and that belongs behind the operator trained on all of
them. The config of MODEL says how all of them were trained; that of the operator which is left out is called
`mifno_of_` and the second stage's name. `--card` takes the place of the model card that is written from it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from spectremor.core.errors import InputError
from spectremor.core.version import VERSION
from spectremor.model.folder import find_run_model, read_model_folder, write_model_folder
from spectremor.training.export import model_card


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--stage1", "--stage2", "--out"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--card", type=Path)
    args = parser.parse_args()
    first, second = (read_model_folder(find_run_model(path, "--stage")) for path in (args.stage1, args.stage2))
    if first.config.surrogate is None or second.config.diffusion is None:
        raise InputError(
            "--stage1, --stage2", f"{args.stage1}, {args.stage2}", "one with an operator, one with diffusion"
        )
    if first.config.surrogate != second.config.surrogate:
        raise InputError("--stage2", args.stage2, "a diffusion stage that learned behind an operator of the same kind")
    parts = {
        "surrogate": (first.config.surrogate, first.tensors()["surrogate"]),
        "diffusion": (second.config.diffusion, second.tensors()["diffusion"]),
    }
    behind = {name: facts for name, facts in second.config.training.items() if name != "mifno"}
    training = {**first.config.training, **behind}
    for name in behind:
        training[f"mifno_of_{name}"] = second.config.training["mifno"]
    about = {"spectremor_version": VERSION, "training": training}
    card = args.card.read_text() if args.card else model_card(about)
    write_model_folder(args.out, parts=parts, about=about, card=card)
    print(args.out)


if __name__ == "__main__":
    main()
