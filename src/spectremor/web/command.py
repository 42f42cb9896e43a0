"""The command line that does what the page does."""

from __future__ import annotations

import shlex

from spectremor.web.studio import Request, Studio


def command_for(request: Request, studio: Studio, out: str = "field.nc") -> str:
    """A command that makes the same wavefield, ready to copy.

    Args:
        request: with numbers in all its fields.
        studio: that carries it out.
        out: file to write.
    """
    if request.product == "mean":
        return f"sp.load_model({studio.command_folder(request.model)!r}).expect(geology, source)  # in Python"
    numbers = [*request.source.position_m, *request.angles_deg]
    words = ["spectremor", "generate", "--geology", shlex.quote(request.ground.path)]
    if request.ground.index is not None:
        words += ["--index", str(request.ground.index)]
    words += [
        "--source",
        ",".join(f"{v:.10g}" for v in numbers),
        "--mw",
        f"{request.source.mw:.6g}",
        "--model",
        shlex.quote(studio.command_folder(request.model)),
    ]
    if request.product == "stage1":
        words.append("--stage1-only")
    elif request.product == "draws":
        words += ["--realizations", f"{request.realizations}", "--seed", f"{request.seed}"]
    return " ".join([*words, "--out", out])
