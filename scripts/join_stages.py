"""Put the diffusion stage of one model behind the first stage of another of the same kind, and write the model folder.

    python scripts/join_stages.py --stage1 RUN --stage2 RUN --out MODEL [--card FILE]

RUN is the folder of a training, or a model folder. For a diffusion stage that learned behind an operator trained on
half of the events (on those that this operator had not seen), and that belongs behind the operator trained on all of
them. The config of MODEL says how all of them were trained; that of the operator which is left out is called
`mifno_of_` and the second stage's name. `--card` takes the place of the model card that is written from it.
"""

from __future__ import annotations

import argparse
import sys
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
    try:
        join(args.stage1, args.stage2, args.out, args.card)
    except (InputError, OSError) as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    print(args.out)


def join(stage1: Path, stage2: Path, out: Path, card: Path | None) -> None:
    """Write the model folder.

    Raises:
        InputError: names the option, and what it should be.
        OSError: a card that cannot be read.
    """
    first = read_model_folder(find_run_model(stage1, "--stage1"))
    second = read_model_folder(find_run_model(stage2, "--stage2"))
    if first.config.surrogate is None:
        raise InputError("--stage1", stage1, "a model with an operator")
    if second.config.diffusion is None:
        raise InputError("--stage2", stage2, "a model with a diffusion stage")
    if first.config.surrogate != second.config.surrogate:
        raise InputError("--stage2", stage2, "a diffusion stage that learned behind an operator of the same kind")
    parts = {
        "surrogate": (first.config.surrogate, first.tensors()["surrogate"]),
        "diffusion": (second.config.diffusion, second.tensors()["diffusion"]),
    }
    behind = {name: facts for name, facts in second.config.training.items() if name != "mifno"}
    left_out = {f"mifno_of_{name}": second.config.training["mifno"] for name in behind}
    about = {"spectremor_version": VERSION, "training": {**first.config.training, **behind, **left_out}}
    write_model_folder(out, parts=parts, about=about, card=model_card(about) if card is None else card.read_text())


if __name__ == "__main__":
    main()
