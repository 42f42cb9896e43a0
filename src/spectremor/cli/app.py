"""The `spectremor` command: its verbs, and what an error looks like to the person who typed it.

Exit codes: 0 done; 2 bad input, one line that names the field, the value and what is allowed, nothing written; 130
interrupted by Ctrl-C, 143 by SIGTERM (`interruption.py`); 1 anything else that failed.
"""

from __future__ import annotations

import errno
import itertools
import os
import re
import sys
import traceback
import warnings
from pathlib import Path
from typing import Annotated

import typer

from spectremor.cli import main as main
from spectremor.cli import messages
from spectremor.cli.collection import SHORT_VERBS, collect_as_usual
from spectremor.cli.interruption import Interruption
from spectremor.cli.lists import join_lists
from spectremor.cli.streams import LastingStream, lasting_streams
from spectremor.core.errors import InputError, InputWarning
from spectremor.core.text import printable

#: An error names three texts, each cut by itself.
_LONGEST_LINE = 4000
#: Options whose values the library knows by another name.
_OPTIONS = {
    "origin.longitude": "--origin-lon",
    "origin.latitude": "--origin-lat",
    "origin.azimuth": "--azimuth",
    "origin_time": "--origin-time",
    "quakeml": "--event",
    "index": "--index",
    "crs": "--crs",
    "rigidity_pa": "--rigidity",
    "q_exponent": "--q-exponent",
    "q_reference_hz": "--q-reference",
    "source.stress_drop_pa": "--stress-drop",
    "max_frequency_hz": "--max-frequency",
}

app = typer.Typer(
    name="spectremor",
    help="Broadband synthetic earthquake ground motion from a 3D geology and a source, in seconds.",
    no_args_is_help=True,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def spectremor(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)] = False,
) -> None:
    """Broadband synthetic earthquake ground motion from a 3D geology and a source, in seconds."""
    if version:
        from spectremor.core.version import VERSION

        typer.echo(VERSION)
        raise typer.Exit


def run(interruption: Interruption) -> int:
    """Run the command line; returns its exit code.

    Raises:
        KeyboardInterrupt: a signal came before the work was done.
    """
    # Imported here: each verb registers itself; their heavy imports wait until the verb runs.
    from spectremor.cli import verbs

    verbs.register(app)
    sys.argv[1:] = join_lists(sys.argv[1:])
    if SHORT_VERBS.isdisjoint(sys.argv[1:2]):
        collect_as_usual()
    with warnings.catch_warnings(), lasting_streams() as output:
        warnings.showwarning = _show_warning
        # What the person should know of the input is said whatever PYTHONWARNINGS and -W say of other warnings.
        warnings.simplefilter("always", InputWarning)
        messages.clear()
        return _checked_output(output, _run(interruption))


def _run(interruption: Interruption) -> int:
    try:
        code = _verb(interruption)
        messages.release()
        return code
    except InputError as error:
        return _complain(str(_as_typed(error)), 2)
    except (OSError, RuntimeError) as error:
        unusable = _unusable_name(error)
        if unusable is not None:
            return _complain(str(unusable), 2)
        return _failed(error)
    except (KeyboardInterrupt, EOFError):
        raise KeyboardInterrupt from None
    except Exception as error:
        # typer raises click's usage errors (possibly from a vendored click) and Abort as ordinary exceptions.
        if hasattr(error, "format_message"):
            # A command without arguments has printed its help; there is nothing to add.
            if type(error).__name__ == "NoArgsIsHelpError":
                return 2
            from spectremor.cli.usage import usage_line

            return _complain(usage_line(error), 2)
        if type(error).__name__ == "Abort":
            raise KeyboardInterrupt from None
        return _failed(error)


def _verb(interruption: Interruption) -> int:
    """The code that the verb ends with; when a signal stopped it, a KeyboardInterrupt whatever it ended with."""
    try:
        code = int(app(standalone_mode=False) or 0)
    except Exception:
        if interruption.number:
            raise KeyboardInterrupt from None
        raise
    if code and interruption.number:
        raise KeyboardInterrupt
    return code


def _failed(error: Exception) -> int:
    messages.release()
    if os.environ.get("SPECTREMOR_DEBUG"):
        traceback.print_exc()
    return _complain(f"{type(error).__name__}: {error}", 1)


def _checked_output(output: LastingStream | None, code: int) -> int:
    """The exit code, with a word where standard output could not take all that was said; the work itself is done.

    A reader that has seen enough (`| head -1`) is no failure.
    """
    if output is None:
        return code
    output.flush()
    if output.error is None or output.reader_left or code:
        return code
    return _complain(f"standard output: {output.error.strerror}; the work is done, what it printed is lost", 1)


def _unusable_name(error: OSError | RuntimeError) -> InputError | None:
    """The error in terms of the option, where a name that was typed is one that no file can have."""
    if isinstance(error, RuntimeError):
        # What pathlib before Python 3.13 makes of a loop of links.
        loop = re.fullmatch("Symlink loop from '(.*)'", str(error))
        name, reason = (loop[1], "a loop of links") if loop else (None, "")
    else:
        reason = {errno.ENAMETOOLONG: "too long", errno.ELOOP: "a loop of links"}.get(error.errno or 0, "")
        name = None if error.filename is None else os.fsdecode(error.filename)
    if name is None or not reason:
        return None
    # "--option=value" as two words.
    words = [part for word in sys.argv[1:] for part in (word.split("=", 1) if word.startswith("--") else [word])]
    same = (
        a for a, b in itertools.pairwise(words) if a.startswith("-") and Path(b).absolute() == Path(name).absolute()
    )
    return InputError(next(same, "path"), f"{name} ({reason})", "the name of a file")


def _as_typed(error: InputError) -> InputError:
    """The error under the name of the option that the person typed, where the library has another for it."""
    option = _OPTIONS.get(error.field, error.field)
    typed = any(word == option or word.startswith(f"{option}=") for word in sys.argv[1:])
    return InputError(option, error.value, error.allowed) if typed else error


def _complain(message: str, code: int) -> int:
    # A refusal stands alone: what was to be said before it is about a job that is not done.
    messages.clear()
    print(f"error: {printable(message, _LONGEST_LINE)}", file=sys.stderr)  # noqa: T201
    return code


def _show_warning(message: Warning | str, *_args: object, **_kwargs: object) -> None:
    messages.say_once(f"warning: {printable(message, _LONGEST_LINE)}")
