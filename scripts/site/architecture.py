"""The picture of the architecture page, drawn from the code: docs/figures/architecture.svg.

    python scripts/site/architecture.py

Packages stand in the order of the import contract in pyproject.toml, each with the first sentence of its docstring. A
dot says that a module of the package in its line imports one of the package in its column. What is imported lies lower
down and further right, so there is no dot left of the diagonal.
"""

from __future__ import annotations

import ast
import tomllib
from html import escape
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parents[2]
PICTURE = ROOT / "docs" / "figures" / "architecture.svg"
_LINE, _NAME, _TEXT, _COLUMN, _TOP = 26, 104, 700, 24, 92
_INK, _SOFT, _BAND = "#1c2b33", "#5b6b73", "#eef3f5"


def layers() -> list[list[str]]:
    """Packages from above to below, those that stand beside each other together."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contract = settings["tool"]["importlinter"]["contracts"][0]
    return [[part.strip().removeprefix("spectremor.") for part in layer.split("|")] for layer in contract["layers"]]


def imports() -> dict[str, set[str]]:
    """Which packages each package imports, imports for type checking included."""
    graph = grimp.build_graph("spectremor", cache_dir=None)
    found: dict[str, set[str]] = {}
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            one, other = (name.split(".")[1:2] for name in (module, imported))
            if one and other and one != other:
                found.setdefault(one[0], set()).add(other[0])
    return found


def purpose(package: str) -> str:
    """The first sentence of a package's docstring."""
    text = (ROOT / "src" / "spectremor" / package / "__init__.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(text)) or "").split("\n\n")[0].replace("\n", " ").replace("`", "")


def picture() -> str:
    """The whole picture as SVG."""
    rows, edges = layers(), imports()
    names = [name for row in rows for name in row]
    width, height = _NAME + _TEXT + _COLUMN * len(names) + 8, _TOP + _LINE * len(names) + 8
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif"'
        ' font-size="13">',
        "<title>Packages and what they import</title>",
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    line = 0
    for number, row in enumerate(rows):
        if number % 2 == 0:
            top = _TOP + _LINE * line
            parts.append(f'<rect y="{top}" width="{width}" height="{_LINE * len(row)}" fill="{_BAND}"/>')
        line += len(row)
    for column, name in enumerate(names):
        x, y = _NAME + _TEXT + _COLUMN * column + _COLUMN / 2, _TOP - 8
        parts.append(f'<text x="{x:g}" y="{y}" fill="{_SOFT}" transform="rotate(-60 {x:g} {y})">{name}</text>')
    for line, name in enumerate(names):
        y = _TOP + _LINE * line + _LINE / 2
        parts.append(f'<text x="8" y="{y + 4.5:g}" fill="{_INK}" font-weight="bold">{name}</text>')
        parts.append(f'<text x="{_NAME}" y="{y + 4.5:g}" fill="{_SOFT}">{escape(purpose(name))}</text>')
        for column, other in enumerate(names):
            x = _NAME + _TEXT + _COLUMN * column + _COLUMN / 2
            if other == name:
                parts.append(f'<circle cx="{x:g}" cy="{y:g}" r="2" fill="{_SOFT}"/>')
            elif other in edges.get(name, set()):
                parts.append(
                    f'<circle cx="{x:g}" cy="{y:g}" r="6" fill="{_INK}"><title>{name} imports {other}</title></circle>'
                )
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
