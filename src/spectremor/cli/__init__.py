"""The command line: parse, call, show."""

from spectremor.cli.app import main

__all__ = ["main"]
