"""`python -m spectremor`."""

from spectremor.cli import process

process()
