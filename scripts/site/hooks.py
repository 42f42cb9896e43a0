"""What mkdocs needs beside its plugins: model cards, links, captions, the command line, equations.

mkdocs calls the functions `on_...` (`mkdocs.yml`, "hooks").
"""

from __future__ import annotations

import functools
import posixpath
import re
import sys
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.structure.files import File, Files

sys.path.insert(0, str(Path(__file__).parent))
import command_line
import tables

ROOT = Path(__file__).resolve().parents[2]
#: Notebooks, which mkdocs finds through the link `docs/notebooks`: where they are, and where they go.
NOTEBOOKS = {
    f"notebooks/{path.name}": f"notebooks/{path.name}" for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
}
#: Model cards likewise.
CARDS = {
    f"src/spectremor/pretrained/{path.parent.name}/MODEL_CARD.md": f"models/{path.parent.name}.md"
    for path in sorted((ROOT / "src/spectremor/pretrained").glob("*/MODEL_CARD.md"))
}
PAGES = NOTEBOOKS | CARDS
_LINK = re.compile(r"(\]\()([^)\s#]+)(#[^)\s]*)?(\))")
_EQUATION = re.compile(r'<(div|span) class="arithmatex">(.*?)</\1>', re.DOTALL)


def on_files(files: Files, config: Any) -> Files:
    """Add the model cards, and the page of the command line."""
    for path, page in CARDS.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / path)))
    files.append(File.generated(config, "reference/command_line.md", content=command_line.page()))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, **_others: Any) -> str:
    """Say where tables come from; turn links that leave `docs/` into links to pages, or to the repository."""
    up = "../" * page.file.src_uri.count("/")
    markdown = tables.QUOTED.sub(functools.partial(_captioned, up), markdown)
    markdown = tables.WITHOUT.sub(r"*Numbers without a csv (\1).*", markdown)
    return _LINK.sub(functools.partial(_link, page.file.src_uri, config["extra"]["repository"]), markdown)


def _captioned(up: str, match: re.Match[str]) -> str:
    file = f"{tables.file_of(match[2])}.csv"
    return f"*Numbers of [{file}]({up}tables/{file}).*\n\n{match[3]}"


def _link(page: str, repository: str, match: re.Match[str]) -> str:
    before, target, anchor, after = match[1], match[2], match[3] or "", match[4]
    if ":" in target:
        return match[0]
    home = {new: old for old, new in PAGES.items()}.get(page, f"docs/{page}")
    path = posixpath.normpath(posixpath.join(posixpath.dirname(home), target))
    if path in PAGES:
        target = posixpath.relpath(PAGES[path], posixpath.dirname(page) or ".")
    elif path.startswith("docs/"):
        target = posixpath.relpath(path.removeprefix("docs/"), posixpath.dirname(page) or ".")
    elif (ROOT / path).exists():
        target = f"{repository}/blob/main/{path}"
    return f"{before}{target}{anchor}{after}"


def on_page_content(html: str, **_others: Any) -> str:
    """Write equations as MathML, which browsers show by themselves."""
    return _EQUATION.sub(lambda match: _equation(match[2], block=match[1] == "div"), html)


def _equation(text: str, *, block: bool) -> str:
    inner = re.sub(r"^\s*\\[\[(]|\\[\])]\s*$", "", text.strip())
    inner = inner.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")
    return convert(inner, display="block" if block else "inline")
