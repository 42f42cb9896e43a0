"""The architecture page's picture is that of the code as it stands."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def architecture() -> ModuleType:
    """The script that draws it."""
    sys.path.insert(0, str(ROOT / "scripts" / "site"))
    try:
        return importlib.import_module("architecture")
    finally:
        sys.path.pop(0)


def test_the_picture_is_what_the_code_draws(architecture: ModuleType) -> None:
    drawn = architecture.picture()
    assert architecture.PICTURE.read_text(encoding="utf-8") == drawn, "run python scripts/site/architecture.py"


def test_every_package_is_in_it_and_says_what_it_is_for(architecture: ModuleType) -> None:
    packages = {path.parent.name for path in (ROOT / "src/spectremor").glob("*/__init__.py")}
    assert packages == {name for row in architecture.layers() for name in row}
    for package in packages:
        words = set(re.findall(r"\w+", architecture.purpose(package).lower()))
        assert len(words - {package}) >= 4, f"{package}: a docstring that says what the package is for"


def test_dots_are_imports(architecture: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    edges = architecture.imports()
    assert "core" in edges["signal"]
    assert "training" not in edges["model"]
    monkeypatch.setattr(architecture, "imports", lambda: edges | {"core": {"web"}})
    assert architecture.picture() != architecture.PICTURE.read_text(encoding="utf-8")
