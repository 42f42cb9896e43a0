"""The documentation as a site: it builds, its links lead somewhere, and its pages need nothing from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import spectremor

ROOT = Path(__file__).resolve().parents[2]
#: An address on another machine.
_REMOTE = re.compile(r"""(?:src|href)=["']?((?:https?:)?//[^"' >]+)""")


def build(docs: Path | None, site: Path) -> subprocess.CompletedProcess[str]:
    program = [str(Path(sys.executable).with_name("mkdocs")), "build", "--site-dir", str(site)]
    environment = dict(os.environ, NO_MKDOCS_2_WARNING="1")
    if docs is not None:
        settings = docs / "mkdocs.yml"
        settings.write_text(f"site_name: trial\nstrict: true\ndocs_dir: {docs}/pages\n" + _validation())
        program += ["--config-file", str(settings)]
    return subprocess.run(program, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300)


def _validation() -> str:
    return re.search(r"^validation:\n(?:  .*\n)+", (ROOT / "mkdocs.yml").read_text(), flags=re.MULTILINE)[0]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site. Links and anchors are checked by mkdocs, which is told to fail for one that is broken."""
    folder = tmp_path_factory.mktemp("site")
    done = build(None, folder)
    assert done.returncode == 0, done.stderr[-4000:]
    return folder


@pytest.mark.slow
def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        for element in re.findall(r"<(?:script|img|iframe|source|link)\b[^>]*>", page.read_text(encoding="utf-8")):
            assert not _REMOTE.search(element), f"{page.relative_to(site)}: {element}"
    for style in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?(?:https?:)?//", style.read_text(encoding="utf-8")), style


@pytest.mark.slow
def test_every_public_name_and_every_verb_has_a_section(site: Path) -> None:
    python = (site / "reference/api.html").read_text(encoding="utf-8")
    for name in set(spectremor.__all__) - {"__version__"}:
        assert re.search(rf'id="spectremor\.(?:\w+\.)*{name}"', python), name
    page = (site / "reference/command_line.html").read_text(encoding="utf-8")
    assert "--realizations" in page
    for verb in ("simulate", "geology-import", "dataset-create", "train-mifno", "experiment-freezing", "serve"):
        assert f'id="{verb}"' in page, verb


@pytest.mark.slow
def test_equations_are_shown(site: Path) -> None:
    equations = [
        equation
        for page in site.rglob("*.html")
        for equation in re.findall(r"<math.*?</math>", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    ]
    assert len(equations) >= 15
    for equation in equations:
        assert "\\" not in equation, f"a command that the converter does not know: {equation}"


@pytest.mark.slow
@pytest.mark.parametrize("link", ["[x](other.md)", "[x](index.md#nowhere)", "![x](no.png)"])
def test_a_broken_link_is_found(link: str, tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages/index.md").write_text(f"# Trial\n\n{link}\n")
    assert build(tmp_path, tmp_path / "site").returncode != 0


@pytest.mark.slow
def test_a_sound_link_is_not(tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages/index.md").write_text("# Trial\n\n[x](#trial)\n")
    assert build(tmp_path, tmp_path / "site").returncode == 0


def test_every_public_name_is_on_the_reference_page() -> None:
    page = (ROOT / "docs/reference/api.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"^::: spectremor\.(\w+)$", page, flags=re.MULTILINE))
    assert shown == set(spectremor.__all__) - {"__version__"}


def test_every_page_is_in_the_navigation() -> None:
    settings = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        assert f" {page.relative_to(ROOT / 'docs').as_posix()}\n" in settings, page
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        assert f" notebooks/{notebook.name}\n" in settings, notebook
