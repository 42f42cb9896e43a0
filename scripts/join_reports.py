"""Put the tables of several reports of `spectremor evaluate` together; a column says of which model each line is.

    python scripts/join_reports.py mifno=REPORT hybrid=REPORT simulation=REPORT --others frontier_table.csv
                                   --out docs/tables [--also paper=REPORT]

Writes results_summary.csv, results_ensembles.csv, results_fields.csv, results_deciles.csv and results_intensities.csv,
from which docs/laboratory/results.md is filled, and results_first.csv, the first table of it and of README.md: scores
of each model and baseline on the test split, and of each model and simulation against the other truths of
`benchmarks/frontier.py`. The reports are of the same events; those of --also, which may be of fewer, are in the first
table alone. Without reports the first table alone is written, from the results_summary.csv that is in OUT.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from pathlib import Path

SCORES = ("EG", "PG", "ln_bias_high")
#: What the report calls a model's product, and what the frontier calls it.
FRONTIER = {"stage 1": "stage 1", "stage 1 + diffusion, expect": "expect", "stage 1 + diffusion": r"both, \d+ steps"}
#: What the frontier calls a simulation, of the order that the solver has by itself.
SIMULATION = re.compile(r"(\d+ m), order 8")
NAMES = ("summary", "ensembles", "fields", "deciles", "intensities")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reports", nargs="*", metavar="MODEL=REPORT")
    parser.add_argument("--also", nargs="*", default=[], metavar="MODEL=REPORT", help="for the first table alone")
    parser.add_argument("--others", type=Path, required=True, help="frontier_table.csv of benchmarks/frontier.py")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    try:
        tables = {name: joined(options.reports, name) for name in NAMES} if options.reports else {}
        summary = tables.get("summary") or rows_of(options.out / "results_summary.csv")
        tables["first"] = first_rows([*summary, *joined(options.also, "summary")], rows_of(options.others))
        for name, rows in tables.items():
            write(options.out / f"results_{name}.csv", rows)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        sys.exit(2)


def joined(reports: list[str], name: str) -> list[dict[str, str]]:
    """One table of all reports."""
    named = [report.partition("=")[::2] for report in reports]
    return [{"model": model, **row} for model, folder in named for row in rows_of(Path(folder) / f"{name}.csv")]


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
            line |= {f"test {row['metric']}": row["mean"], "test cases": row["events"]}
    for row in others:
        for key in lines_of(row["contender"]):
            if key not in found and key[0] == "":
                found[key] = {"model": "", "contender": key[1], "product": "mean"}
            if key in found:
                found[key] |= {f"{row['truth']} {name}": row[name] for name in (*SCORES, "cases")}
    return list(found.values())


def lines_of(contender: str) -> list[tuple[str, str]]:
    """Model and product, as a report calls them, of what the frontier calls by this name; simulations have no model."""
    if simulated := SIMULATION.fullmatch(contender):
        return [("", f"simulation at {simulated[1]}")]
    model, _, product = contender.partition(": ")
    return [(model, name) for name, other in FRONTIER.items() if re.fullmatch(other, product)]


def write(path: Path, rows: list[dict[str, str]]) -> None:
    """All of them, in the columns that any of them has."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
