"""`python -m spectremor`."""

from spectremor.cli import main

main()
