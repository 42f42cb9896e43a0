"""The examples in docstrings, run as a reader would who has nothing but what they say."""

from __future__ import annotations

import doctest
import importlib
import warnings
from pathlib import Path
from typing import Any

import pytest

import spectremor
from spectremor.model.pipeline import GroundMotionModel

SOURCE = Path(spectremor.__file__).parent
PUBLIC = {
    **{name: getattr(spectremor, name) for name in spectremor.__all__ if name != "__version__"},
    "__version__": spectremor,
    "GroundMotionModel": GroundMotionModel,
}
MODULES = sorted(
    ".".join(("spectremor", *path.relative_to(SOURCE).with_suffix("").parts)).removesuffix(".__init__")
    for path in SOURCE.rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)


def examples(thing: Any, name: str, names: dict[str, Any]) -> list[doctest.DocTest]:
    """What has an example: the thing, and the methods of a class. Nothing is skipped."""
    finder = doctest.DocTestFinder(recurse=isinstance(thing, type))
    found = [test for test in finder.find(thing, name, module=False, globs=names) if test.examples]
    for test in found:
        assert not any(doctest.SKIP in example.options for example in test.examples), test.name
    return found


def run(tests: list[doctest.DocTest]) -> None:
    for test in tests:
        said: list[str] = []
        runner = doctest.DocTestRunner(verbose=False)
        with warnings.catch_warnings():
            failed = runner.run(test, out=said.append).failed
        assert not failed, "".join(said)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_has_an_example_that_runs(name: str) -> None:
    found = examples(PUBLIC[name], name, {})
    assert found, f"{name}: no example in its docstring"
    run(found)


@pytest.mark.parametrize("module", MODULES)
def test_the_other_examples_run(module: str) -> None:
    home = importlib.import_module(module)
    own = [
        thing
        for thing in vars(home).values()
        if getattr(thing, "__module__", None) == module and thing not in PUBLIC.values() and callable(thing)
    ]
    for thing in own:
        run(examples(thing, thing.__qualname__, dict(vars(home))))


def test_an_example_that_lies_is_found() -> None:
    def wrong() -> None:
        """Example:
        >>> 1 + 1
        3
        """

    with pytest.raises(AssertionError, match="Expected"):
        run(examples(wrong, "wrong", {}))
