"""Put the tables of several reports of `spectremor evaluate` together; a column says of which model each line is.

    python scripts/join_reports.py mifno=REPORT hybrid=REPORT simulation=REPORT --others frontier_table.csv
                                   --out docs/tables

Writes results_summary.csv, results_ensembles.csv, results_fields.csv, results_deciles.csv and results_intensities.csv,
from which docs/laboratory/results.md is filled, and results_first.csv, the first table of it and of README.md: scores
of each model and baseline on the test split, and of each model against the other truths of `benchmarks/frontier.py`.
The reports are of the same events.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

SCORES = ("EG", "PG", "ln_bias_high")
#: What the report calls a model's product, and what the frontier calls it.
FRONTIER = {"stage 1": "stage 1", "stage 1 + diffusion, expect": "expect", "stage 1 + diffusion": "both, 1 steps"}
NAMES = ("summary", "ensembles", "fields", "deciles", "intensities")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reports", nargs="+", metavar="MODEL=REPORT")
    parser.add_argument("--others", type=Path, required=True, help="frontier_table.csv of benchmarks/frontier.py")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    reports = [report.partition("=")[::2] for report in options.reports]
    try:
        tables = {
            name: [
                {"model": model, **row} for model, folder in reports for row in rows_of(Path(folder) / f"{name}.csv")
            ]
            for name in NAMES
        }
        tables["first"] = first_rows(tables["summary"], rows_of(options.others))
        for name, rows in tables.items():
            write(options.out / f"results_{name}.csv", rows)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        sys.exit(2)


def rows_of(path: Path) -> list[dict[str, str]]:
    """The lines of a table."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def first_rows(summary: list[dict[str, str]], others: list[dict[str, str]]) -> list[dict[str, str]]:
    """One line for each model and product: scores on the test split, and against each of the other truths."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for row in summary:
        if row["metric"] in SCORES:
            line = found.setdefault(
                (row["model"], row["contender"]), {name: row[name] for name in ("model", "contender", "product")}
            )
            line[f"test {row['metric']}"] = row["mean"]
    for row in others:
        model, _, product = row["contender"].partition(": ")
        for contender, name in FRONTIER.items():
            if name == product and (model, contender) in found:
                found[model, contender] |= {f"{row['truth']} {score}": row[score] for score in SCORES}
                found[model, contender][f"{row['truth']} cases"] = row["cases"]
    return list(found.values())


def write(path: Path, rows: list[dict[str, str]]) -> None:
    """All of them, in the columns that any of them has."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
