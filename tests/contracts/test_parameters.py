"""Functions that a person can take in: few parameters, but for the command line and the public functions."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import spectremor
from spectremor.model.pipeline import GroundMotionModel

ROOT = Path(spectremor.__file__).parent
MOST = 10


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """How many a caller sees: `self` and `cls` do not count."""
    given = function.args
    names = [a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return len(names) - (names[:1] in (["self"], ["cls"])) + (given.vararg is not None) + (given.kwarg is not None)


def public() -> set[tuple[Path, str]]:
    """File and name of the public functions, and of the methods of public classes and of models."""
    found = set()
    for thing in (*(getattr(spectremor, name) for name in spectremor.__all__), GroundMotionModel):
        if not callable(thing):
            continue
        path = Path(inspect.getsourcefile(inspect.unwrap(thing)))
        names = [thing.__name__, *(vars(thing) if inspect.isclass(thing) else ())]
        found |= {(path, name) for name in names}
    return found


def long_ones(path: Path, source: str, allowed: set[tuple[Path, str]]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {parameters(node)} parameters"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and parameters(node) > MOST
        and (path, node.name) not in allowed
    ]


def test_no_function_has_more_than_ten_parameters() -> None:
    allowed = public()
    files = [path for path in ROOT.rglob("*.py") if "cli" not in path.relative_to(ROOT).parts]
    assert len(files) > 100
    found = [line for path in files for line in long_ones(path, path.read_text(encoding="utf-8"), allowed)]
    assert not found, "\n".join(found)


def test_a_long_one_is_found() -> None:
    names = ", ".join(f"p{i}" for i in range(MOST + 1))
    path = ROOT / "new.py"
    assert long_ones(path, f"def f({names}): ...", set())
    assert not long_ones(path, f"def f({names}): ...", {(path, "f")})
    assert not long_ones(path, f"class C:\n    def f(self, {names.removesuffix(', p10')}): ...", set())
