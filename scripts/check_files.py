"""Small checks on the files git tracks, run by pre-commit and so by `make lint`."""

from __future__ import annotations

import sys
from pathlib import Path

LARGEST_BYTES = 1_000_000


def too_large(path: Path) -> list[str]:
    """A file too large for a repository that every user clones."""
    size = path.stat().st_size
    return [f"{path}: {size} bytes; allowed: {LARGEST_BYTES}"] if size > LARGEST_BYTES else []


def untidy(path: Path) -> list[str]:
    """Trailing blanks, a missing last newline, merge markers."""
    text = path.read_text(encoding="utf-8")
    found = [f"{path}:{n}: trailing blanks" for n, line in enumerate(text.split("\n"), 1) if line != line.rstrip()]
    found += [f"{path}:{n}: merge marker" for n, line in enumerate(text.split("\n"), 1) if line.startswith("<<<<<<< ")]
    if text and not text.endswith("\n"):
        found.append(f"{path}: no newline at the end")
    return found


def main() -> int:
    """Check the files named on the command line; 1 if anything was found."""
    check = {"size": too_large, "text": untidy}[sys.argv[1]]
    found = [message for name in sys.argv[2:] if Path(name).is_file() for message in check(Path(name))]
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
