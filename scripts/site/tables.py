"""Tables of the documentation, written into the pages from the csv files under docs/tables/.

    python scripts/site/tables.py            # writes them into README.md and docs/
    python scripts/site/tables.py --check    # names the pages that differ, writes nothing

A page quotes a table between two comments, and what stands between them is made here:

    <!-- table: NAME -->
    <!-- end of table -->

NAME is that of an arrangement in `quoted.py`, which chooses and rounds; or, without one, of a file docs/tables/NAME.csv
whose cells are quoted as they stand. A table of numbers that no csv holds is announced by a comment of its own, which
the site shows as a caption:

    <!-- table without csv: solver version 3 -->
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import quoted

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "tables"
QUOTED = re.compile(r"^(<!-- table: ([\w-]+) -->\n)(.*?)^(<!-- end of table -->)$", re.DOTALL | re.MULTILINE)
WITHOUT = re.compile(r"^<!-- table without csv: ([^>]+?) -->$", re.MULTILINE)


def pages() -> list[Path]:
    """Every page that may quote a table."""
    return [ROOT / "README.md", *sorted(path for path in (ROOT / "docs").rglob("*.md"))]


def rows_of(name: str) -> list[dict[str, str]]:
    """The lines of docs/tables/NAME.csv."""
    with (FOLDER / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def file_of(name: str) -> str:
    """The name of the csv that a quoted table comes from."""
    arrangement = quoted.ARRANGEMENTS.get(name)
    return arrangement.file if arrangement else name


def table(name: str) -> str:
    """A quoted table as Markdown."""
    rows = rows_of(file_of(name))
    if name in quoted.ARRANGEMENTS:
        header, body = quoted.ARRANGEMENTS[name].arrange(rows)
    else:
        header, body = list(rows[0]), [list(row.values()) for row in rows]
    lines = [header, ["---"] * len(header), *body]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def with_tables(text: str) -> str:
    """A page with its quoted tables made afresh."""
    return QUOTED.sub(lambda match: f"{match[1]}\n{table(match[2])}\n{match[4]}", text)


def main() -> int:
    """Exit code 1 where `--check` finds a page that differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    differ = [page for page in pages() if with_tables(page.read_text(encoding="utf-8")) != page.read_text("utf-8")]
    for page in differ:
        print(page.relative_to(ROOT))
        if not check:
            page.write_text(with_tables(page.read_text(encoding="utf-8")), encoding="utf-8")
    return int(check and bool(differ))


if __name__ == "__main__":
    sys.exit(main())
