"""The list of long tests names tests that there are."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_long_test_exists() -> None:
    listed = (ROOT / "tests" / "long_tests.txt").read_text(encoding="utf-8").split()
    assert listed == sorted(set(listed))
    for name in listed:
        path, *_, function = name.split("::")
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        assert function in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, name
