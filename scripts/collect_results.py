"""Write OUT/results.md and OUT/figures/ from the folders that scripts/results.sh has filled.

    python scripts/collect_results.py OUT

The text is made of the reports' own tables and paragraphs; figures are copied under the names that it links.
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
LOG_BIASES = ("ln_bias_low", "ln_bias_mid", "ln_bias_high")
PUBLISHED_BIASES = ("published_relative_bias_low", "published_relative_bias_mid", "published_relative_bias_high")
METRICS = ("rMAE", "rRMSE", *LOG_BIASES, *PUBLISHED_BIASES, "EG", "PG", "rMAE_raw", "rRMSE_raw")
PRODUCTS = {
    "mean": "Single predictions, whose aim is the mean, held against one another:",
    "draw": "Draws, held against one another:",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    (out / "figures").mkdir(exist_ok=True)
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
        "and the mean ln(prediction / truth) at 2-5 Hz.",
        "",
        command(folder),
        "",
        *scores(told),
        *(published(told) if main else []),
        *(f"- {line}" for line in [*told["findings"], *(told["remarks"] if main else [])]),
        "",
        *shares(folder, told),
    ]
    for figure_name in REPORT_FIGURES if main else OTHER_FIGURES:
        lines += figure(out, folder / "figures" / f"{figure_name}.png", f"{name}_{figure_name}")
    return lines


def score_row(name: str, scores: dict[str, Any], told: dict[str, Any]) -> list[str]:
    cells = [name]
    for metric in METRICS:
        row = scores[metric]
        wide = metric in ("EG", "PG", "ln_bias_high") and row["ci95_low"] is not None
        cells.append(
            number(row["mean"]) + (f" [{number(row['ci95_low'])}, {number(row['ci95_high'])}]" if wide else "")
        )
    return [*cells, number(told["seconds_per_event"][name])]


def scores(told: dict[str, Any]) -> list[str]:
    """Draws and single predictions, each in a table of their own."""
    lines: list[str] = []
    for product, words in PRODUCTS.items():
        rows = [score_row(n, s, told) for n, s in told["scores"].items() if told["products"][n] == product]
        lines += [words, "", table(["", *METRICS, "s per event"], rows), ""] if rows else []
    return lines


def published(told: dict[str, Any]) -> list[str]:
    """Published figures, which are of other data and stand apart."""
    shown = (PUBLISHED_BIASES[-1], "PG")
    rows = [[name, *(number(known.get(m)) for m in shown)] for name, known in told["published"].items()]
    return [told["published_data"], "", table(["published, of other data", *shown], rows), ""]


def shares(folder: Path, told: dict[str, Any]) -> list[str]:
    rows: dict[str, dict[str, float | None]] = {}
    for row in read(folder / "shares.csv"):
        rows.setdefault(row["contender"], {})[f"{row['metric']} > {row['above']}"] = float(row["share"])
    columns = list(next(iter(rows.values())))
    rows |= told["published_shares"]
    body = [[name, *(percent(values.get(c)) for c in columns)] for name, values in rows.items()]
    return [table(["% of sensors", *columns], body), ""]


def realizations(out: Path, name: str = "realizations", heading: str = "## Realizations") -> list[str]:
    folder = out / name
    if not (folder / "ensembles.csv").is_file():
        return []
    rows = read(folder / "ensembles.csv")
    known = [r for r in rows if r["usable"] == "True"]
    drawn = [r for r in known if int(r["realizations"]) > 1]
    columns = ["contender", "quantity", "crps_ln", "inside_50%", "inside_80%", "inside_95%"]
    body = [[r["contender"], r["quantity"], *(with_interval(r, c) for c in columns[2:])] for r in drawn]
    title = (
        f"{drawn[0]['realizations']} realizations, {drawn[0]['cases']} cases of {drawn[0]['events']} events; "
        "in brackets 95% intervals from resampling events"
    )
    lines = [heading, "", title, "", command(folder), "", table(columns, body), ""]
    told = json.loads((folder / "summary.json").read_text())
    lines += [*(f"- {line}" for line in told["findings"] if "CRPS" in line), ""]
    return lines + figure(out, folder / "figures" / "ensembles.png", name)


def with_interval(row: dict[str, str], column: str) -> str:
    low, high = (number(float(row[f"{column}_ci95_{end}"])) for end in ("low", "high"))
    return f"{number(float(row[column]))} [{low}, {high}]" if low else number(float(row[column]))


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


def table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    main()
