"""The page of the command line, made from the commands themselves."""

from __future__ import annotations

import re
from typing import Any

import typer

from spectremor.cli import verbs

_HEAD = """# Command line

Every verb of `spectremor`, as `--help` has it. Exit codes: 0 done; 2 bad input, one line names the field, the value and
what is allowed, and nothing is written; 130 and 143 interrupted; 1 anything else that failed
([in full](../index.md#exit-codes)).
"""
_MARKUP = re.compile(r"\[/?(?:bold|italic|dim)\]")


def page() -> str:
    """Markdown: a section for each verb, with its help, its example and its options."""
    application = typer.Typer()
    verbs.register(application)
    commands = typer.main.get_command(application).commands  # type: ignore[attr-defined]
    return "\n".join(
        [_HEAD, *(section for name in commands for section in _sections(f"spectremor {name}", commands[name]))]
    )


def _sections(words: str, command: Any) -> list[str]:
    below = getattr(command, "commands", {})
    level = "#" * (len(words.split()))
    text = [f"{level} {words.removeprefix('spectremor ')}", "", *_help(words, command.help or ""), ""]
    if not below:
        text += ["| option | | |", "|---|---|---|", *map(_row, command.params), ""]
    return ["\n".join(text), *(section for name in below for section in _sections(f"{words} {name}", below[name]))]


def _help(words: str, text: str) -> list[str]:
    """The help, in which lines that a person types are code."""
    lines = []
    for line in _MARKUP.sub("", text).splitlines():
        if line.startswith(f"{words} "):
            lines += ["```bash", line, "```"]
        elif line.strip() not in ("Example", "Examples"):
            lines.append(line)
    return lines


def _row(parameter: Any) -> str:
    names = ", ".join(f"`{name}`" for name in [*parameter.opts, *getattr(parameter, "secondary_opts", [])])
    if getattr(parameter, "param_type_name", "") == "argument" or not parameter.opts[0].startswith("-"):
        names = f"`{parameter.opts[0].upper()}`"
    default = getattr(parameter, "default", None)
    if parameter.required:
        note = "required"
    elif default in (None, False, [], ()) or callable(default):
        note = ""
    else:
        note = f"`{getattr(default, 'value', default)}`"
    return f"| {names} | {note} | {(parameter.help or '').replace('|', chr(92) + '|')} |"
