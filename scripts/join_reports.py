"""Put the tables of several reports of `spectremor evaluate` together; a column says of which model each line is.

    python scripts/join_reports.py mifno=REPORT hybrid=REPORT simulation=REPORT --out docs/tables

Writes results_summary.csv, results_ensembles.csv, results_fields.csv, results_deciles.csv and results_intensities.csv,
from which docs/laboratory/results.md and the first table of README.md are filled. The reports are of the same events.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

NAMES = ("summary", "ensembles", "fields", "deciles", "intensities")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reports", nargs="+", metavar="MODEL=REPORT")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    reports = [report.partition("=")[::2] for report in options.reports]
    try:
        for name in NAMES:
            rows = [row for model, folder in reports for row in rows_of(model, Path(folder) / f"{name}.csv")]
            write(options.out / f"results_{name}.csv", rows)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        sys.exit(2)


def rows_of(model: str, path: Path) -> list[dict[str, str]]:
    """The lines of one report's table."""
    with path.open(newline="", encoding="utf-8") as file:
        return [{"model": model, **row} for row in csv.DictReader(file)]


def write(path: Path, rows: list[dict[str, str]]) -> None:
    """All of them, in the columns that any of them has."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
