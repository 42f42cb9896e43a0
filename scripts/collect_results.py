"""Write OUT/results.md, OUT/tables/ and OUT/figures/ from the folders that scripts/results.sh has filled.

    python scripts/collect_results.py OUT

The text is made of the reports' own tables and paragraphs; figures are copied under the names that it links. Each table
is a csv, too, and stands between the comments by which `scripts/site/tables.py` finds it: what goes into the
documentation is the text and the csv files.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
from pathlib import Path
from typing import Any

EXPERIMENTS = ("spectral-bias", "conditioning", "coherence", "phase-shift", "freezing", "noise-schedule")
REPORT_FIGURES = ("spectra", "histograms", "deciles", "coherency", "response", "seismograms_median")
OTHER_FIGURES = ("coherency", "deciles")
METRICS = ("rMAE", "rRMSE", "bias_low", "bias_mid", "bias_high", "EG", "PG", "rMAE_raw", "rRMSE_raw")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    for folder in ("figures", "tables"):
        (out / folder).mkdir(exist_ok=True)
    parts = ["# Results", "", *report(out), *realizations(out)]
    for name in EXPERIMENTS:
        parts += experiment(out, name)
    for folder in sorted(out.glob("report-*")):
        other = folder.name.removeprefix("report-")
        parts += [f"## The model `{other}`", "", *report(out, folder.name)]
        parts += realizations(out, f"realizations-{other}", f"### Realizations of `{other}`")
    (out / "results.md").write_text("\n".join(parts) + "\n")
    print(out / "results.md")


def report(out: Path, name: str = "report") -> list[str]:
    """Scores of a model, with the figures that tell most of it; all figures and facts of the main one."""
    folder = out / name
    if not folder.is_dir():
        return []
    told = json.loads((folder / "summary.json").read_text())
    facts, main = told["facts"], name == "report"
    lines = [
        f"{facts['events']} test events of `{facts['data']}`, {facts['duration_s']:g} s at {facts['sampling_hz']:g} "
        f"Hz, sound up to {facts['band_high_hz']:g} Hz. Mean over events, with the 95% bootstrap interval of EG, PG "
        "and the 2-5 Hz bias.",
        "",
        command(folder),
        "",
        table(
            out / "tables" / f"results_{name}.csv",
            ["", *METRICS, "s per event"],
            [score_row(n, s, told) for n, s in told["scores"].items()] + (published(told) if main else []),
        ),
        "",
        *(f"- {line}" for line in [*told["findings"], *(told["remarks"] if main else [])]),
        "",
        *shares(out, folder, told),
    ]
    for figure_name in REPORT_FIGURES if main else OTHER_FIGURES:
        lines += figure(out, folder / "figures" / f"{figure_name}.png", f"{name}_{figure_name}")
    return lines


def score_row(name: str, scores: dict[str, Any], told: dict[str, Any]) -> list[str]:
    cells = [name]
    for metric in METRICS:
        row = scores[metric]
        wide = metric in ("EG", "PG", "bias_high") and row["ci95_low"] is not None
        cells.append(
            number(row["mean"]) + (f" [{number(row['ci95_low'])}, {number(row['ci95_high'])}]" if wide else "")
        )
    return [*cells, number(told["seconds_per_event"][name])]


def published(told: dict[str, Any]) -> list[list[str]]:
    return [[name, *(number(known.get(m)) for m in METRICS), ""] for name, known in told["published"].items()]


def shares(out: Path, folder: Path, told: dict[str, Any]) -> list[str]:
    rows: dict[str, dict[str, float | None]] = {}
    for row in read(folder / "shares.csv"):
        rows.setdefault(row["contender"], {})[f"{row['metric']} > {row['above']}"] = float(row["share"])
    columns = list(next(iter(rows.values())))
    rows |= told["published_shares"]
    body = [[name, *(percent(values.get(c)) for c in columns)] for name, values in rows.items()]
    return [table(out / "tables" / f"results_{folder.name}_shares.csv", ["% of sensors", *columns], body), ""]


def realizations(out: Path, name: str = "realizations", heading: str = "## Realizations") -> list[str]:
    folder = out / name
    if not (folder / "ensembles.csv").is_file():
        return []
    rows = read(folder / "ensembles.csv")
    known = [r for r in rows if r["usable"] == "True"]
    drawn = [r for r in known if int(r["realizations"]) > 1]
    columns = ["quantity", "crps_relative", "error_of_one_draw_relative", "inside_50%", "inside_80%", "inside_95%"]
    body = [[r["quantity"], *(number(float(r[c])) for c in columns[1:])] for r in drawn]
    title = f"{drawn[0]['realizations']} realizations, {drawn[0]['cases']} cases ({drawn[0]['contender']})"
    lines = [
        heading,
        "",
        title,
        "",
        command(folder),
        "",
        table(out / "tables" / f"results_{name}.csv", columns, body),
        "",
    ]
    quantities = list(dict.fromkeys(r["quantity"] for r in known))
    by_name: dict[str, list[str]] = {}
    for r in known:
        by_name.setdefault(r["contender"], [r["contender"]]).append(number(float(r["crps_relative"])))
    lines += ["CRPS over the mean of the truth; of a single prediction, its absolute error:", ""]
    lines += [table(out / "tables" / f"results_{name}_crps.csv", ["", *quantities], list(by_name.values())), ""]
    told = json.loads((folder / "summary.json").read_text())
    lines += [*(f"- {line}" for line in told["findings"] if "CRPS" in line), ""]
    return lines + figure(out, folder / "figures" / "ensembles.png", name)


def experiment(out: Path, name: str) -> list[str]:
    lines: list[str] = []
    for folder, words in ((out / name, ""), (out / f"{name}-full", "With the model's own network: ")):
        if (folder / "summary.md").is_file():
            paragraph = (folder / "summary.md").read_text().split("\n\n")[1]
            lines += [words + paragraph, "", command(folder), ""]
            lines += figure(out, folder / "figure.png", folder.name)
    return [f"## {name.replace('-', ' ').capitalize()}", "", *lines] if lines else []


def command(folder: Path) -> str:
    """The command that made a folder, without the paths of this machine; MODEL is the model of the report."""
    words = words_of(folder)
    main = words_of(folder.parent / "report")
    model = main[main.index("--model") + 1] if "--model" in main else ""
    short = ["STORE" if before == "--data" else "MODEL" if (before, word) == ("--model", model) else word
             for before, word in zip(["", *words], words, strict=False)]  # fmt: skip
    taken = dict(line.split() for line in (folder.parent / "seconds.txt").read_text().splitlines())
    minutes = f" ({float(taken[folder.name]) / 60:.1f} min)" if folder.name in taken else ""
    return f"`{' '.join(short)}`{minutes}" if words else ""


def words_of(folder: Path) -> list[str]:
    path = folder / "command.txt"
    return path.read_text().split() if path.is_file() else []


def figure(out: Path, source: Path, name: str) -> list[str]:
    if not source.is_file():
        return []
    shutil.copyfile(source, out / "figures" / f"results_{name}.png")
    return [f"![{name.replace('_', ' ')}](figures/results_{name}.png)", ""]


def read(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def number(value: float | None) -> str:
    return "" if value is None or value != value else f"{value:.2f}" if abs(value) >= 0.095 else f"{value:.3f}"


def percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.0f}"


def table(path: Path, header: list[str], rows: list[list[str]]) -> str:
    """The table as Markdown; a csv of the same cells is written."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
    lines = "\n".join("| " + " | ".join(line) + " |" for line in [header, ["---"] * len(header), *rows])
    return f"<!-- table: {path.stem} -->\n\n{lines}\n\n<!-- end of table -->"


if __name__ == "__main__":
    main()
