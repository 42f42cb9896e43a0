"""The public names, the layers, and how quickly the command answers."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
import typer

import spectremor
from spectremor.cli import verbs
from spectremor.cli.lists import join_lists

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", spectremor.__all__)
def test_public_name_exists(name: str) -> None:
    assert getattr(spectremor, name) is not None


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        spectremor.nonsense


def test_layers_hold() -> None:
    result = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports"))], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout


def test_help_loads_nothing_heavy() -> None:
    code = "import sys, spectremor.cli.app, spectremor.cli.verbs as v; v.register(spectremor.cli.app.app); "
    code += "assert 'torch' not in sys.modules and 'xarray' not in sys.modules, 'heavy import'"
    subprocess.run([sys.executable, "-c", code], check=True)
    subprocess.run([sys.executable, "-m", "spectremor", "--help"], check=True, capture_output=True)


def commands() -> dict[str, click.Command]:
    """Every command and group of the command line, by the words that a person types."""
    application = typer.Typer()
    verbs.register(application)

    def below(words: str, command: click.Command) -> dict[str, click.Command]:
        found = {words: command}
        for name, inner in getattr(command, "commands", {}).items():
            found |= below(f"{words} {name}", inner)
        return found

    everything = below("spectremor", typer.main.get_command(application))
    everything.pop("spectremor")
    return everything


COMMANDS = commands()


def test_every_verb_is_there() -> None:
    verbs_found = {words.split()[1] for words in COMMANDS}
    assert {"simulate", "dataset", "train", "generate", "evaluate", "experiment", "export", "serve"} <= verbs_found


@pytest.mark.parametrize("words", COMMANDS)
def test_every_help_has_an_example_that_parses(words: str) -> None:
    lines = [line.strip() for line in (COMMANDS[words].help or "").splitlines()]
    examples = [line for line in lines if line.startswith(f"{words} ")]
    assert examples
    for example in examples:
        parse(shlex.split(example)[1:])


def shown_commands() -> list[tuple[str, str]]:
    """Command lines in the documentation, each with its page: lines of code that begin with `spectremor`."""
    found = []
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        text = page.read_text(encoding="utf-8").replace("\\\n", " ")
        fenced = re.findall(r"^```(?:bash)?\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
        lines = [line.strip() for block in fenced for line in block.splitlines()]
        lines += [line.strip() for line in re.findall(r"^    (spectremor .*)$", text, flags=re.MULTILINE)]
        found += [(page.name, line) for line in lines if line.startswith("spectremor ")]
    return found


def test_every_command_in_the_documentation_parses() -> None:
    shown = shown_commands()
    assert len(shown) > 25
    for page, line in shown:
        words = join_lists(shlex.split(line, comments=True)[1:])
        try:
            parse(words)
        except Exception as error:
            raise AssertionError(f"{page}: {line}: {error}") from error


def parse(arguments: list[str]) -> None:
    """Read a command line as the command would, without running it; an error of usage is raised."""
    words, command = "spectremor", None
    while f"{words} {arguments[0]}" in COMMANDS:
        words = f"{words} {arguments.pop(0)}"
        command = COMMANDS[words]
        if not arguments:
            break
    assert command is not None
    command.make_context(words, arguments)


def test_an_example_that_does_not_parse_is_found() -> None:
    for broken in (
        ["generate", "--no-such-option"],
        ["simulate", "--geology"],
        ["experiment", "conditioning", "--data", "a", "--out", "b", "--seeds", "many"],
        ["train", "mifno", "--data", "x"],
    ):
        with pytest.raises(Exception, match=r"(?i)no such option|requires an argument|valid|missing"):
            parse(broken)
