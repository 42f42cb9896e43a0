"""Count lines of code, without docstrings, comments and blank lines.

    python scripts/code_lines.py [src/spectremor]

Prints the number for each package of the folder, and for all of it.
"""

from __future__ import annotations

import argparse
import ast
import collections
import io
import tokenize
from pathlib import Path

_NO_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def code_lines(source: str) -> int:
    """Lines on which there is code."""
    text: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                text |= set(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    code: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in _NO_CODE:
            code |= set(range(token.start[0], token.end[0] + 1))
    return len(code - text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=Path(__file__).parents[1] / "src" / "spectremor")
    folder = parser.parse_args().folder
    counts: collections.Counter[str] = collections.Counter()
    for path in sorted(folder.rglob("*.py")):
        inside = path.relative_to(folder).parts
        counts[inside[0] if len(inside) > 1 else "."] += code_lines(path.read_text(encoding="utf-8"))
    for package, count in counts.items():
        print(f"{package:12} {count:6}")
    print(f"{'all':12} {sum(counts.values()):6}")


if __name__ == "__main__":
    main()
