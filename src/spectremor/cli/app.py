"""The `spectremor` command: its verbs, and what an error looks like to the person who typed it.

Exit codes: 0 done; 2 bad input, one line that names the field, the value and what is allowed, nothing
written; 1 anything else that failed.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
import warnings
from types import FrameType
from typing import Annotated, NoReturn

import typer

from spectremor.cli.lists import join_lists
from spectremor.core.errors import InputError

_shown: set[str] = set()
#: Options whose values the library knows by another name.
_OPTIONS = {
    "origin.longitude": "--origin-lon",
    "origin.latitude": "--origin-lat",
    "origin.azimuth": "--azimuth",
    "origin_time": "--origin-time",
    "quakeml": "--event",
    "index": "--index",
    "crs": "--crs",
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


def main() -> NoReturn:
    """Run the command line and exit with its code."""
    # Imported here: each verb registers itself; their heavy imports wait until the verb runs.
    from spectremor.cli import verbs

    verbs.register(app)
    _shown.clear()
    sys.argv[1:] = join_lists(sys.argv[1:])
    warnings.showwarning = _show_warning
    signal.signal(signal.SIGTERM, _on_terminate)
    sys.exit(_run())


def _run() -> int:
    try:
        result = app(standalone_mode=False)
        return int(result or 0)
    except InputError as error:
        return _complain(str(_as_typed(error)), 2)
    except (KeyboardInterrupt, EOFError):
        return _complain("interrupted; nothing half-written was left behind", 1)
    except Exception as error:
        # typer raises click's usage errors (possibly from a vendored click) and Abort as ordinary exceptions.
        if hasattr(error, "format_message"):
            # A command without arguments has printed its help; there is nothing to add.
            if type(error).__name__ == "NoArgsIsHelpError":
                return 2
            from spectremor.cli.usage import usage_line

            return _complain(usage_line(error), 2)
        if type(error).__name__ == "Abort":
            return _complain("interrupted; nothing half-written was left behind", 1)
        if os.environ.get("SPECTREMOR_DEBUG"):
            traceback.print_exc()
        return _complain(f"{type(error).__name__}: {error}", 1)


def _as_typed(error: InputError) -> InputError:
    """The error under the name of the option that the person typed, where the library has another for it."""
    option = _OPTIONS.get(error.field, error.field)
    typed = any(word == option or word.startswith(f"{option}=") for word in sys.argv[1:])
    return InputError(option, error.value, error.allowed) if typed else error


def _complain(message: str, code: int) -> int:
    print(f"error: {message}", file=sys.stderr)  # noqa: T201
    return code


def _show_warning(message: Warning | str, *_args: object, **_kwargs: object) -> None:
    # Several steps of a job may see the same thing.
    if str(message) not in _shown:
        _shown.add(str(message))
        print(f"warning: {message}", file=sys.stderr)  # noqa: T201


def _on_terminate(_signum: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
