"""How the documentation arranges the csv files under docs/tables/: which lines, which columns, how many digits.

An arrangement takes the lines of its file and gives a header and a body of texts. A file that already has the form of
its page needs none.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from statistics import fmean, median
from typing import Any

Rows = list[dict[str, str]]
Table = tuple[list[str], list[list[str]]]


@dataclasses.dataclass(frozen=True)
class Arrangement:
    """Of which file (docs/tables/FILE.csv), and how."""

    file: str
    arrange: Callable[[Rows], Table]


def digits(value: str | float, count: int) -> str:
    """A number with so many decimals; what rounds to zero has no sign."""
    text = f"{float(value):.{count}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def signed(value: str | float, count: int) -> str:
    """The same, with a plus before what is positive."""
    text = digits(value, count)
    return f"+{text}" if float(text) > 0 else text


def relative_bias(row: dict[str, Any], band: str, prefix: str = "") -> Any:
    """The published relative bias of a band, which older tables call `bias_...`."""
    return row.get(f"{prefix}published_relative_bias_{band}", row.get(f"{prefix}bias_{band}"))


def biases(row: dict[str, Any], prefix: str = "", count: int = 2) -> str:
    """The three frequency biases of a line."""
    return " / ".join(signed(relative_bias(row, band, prefix), count) for band in ("low", "mid", "high"))


_BIASES = "bias 0-1 / 1-2 / 2-5 Hz"


# ---- validation of the simulator


def _layered(rows: Rows) -> Table:
    grounds = {
        "uniform": "uniform, 2500 m/s",
        "layered": "1500, 2200 and 3000 m/s, 300 m ramps between",
        "steps": "the same, 75 m ramps",
    }
    whole = [row for row in rows if row["distance_along_x_m"] == "all"]
    mechanisms = list(dict.fromkeys(row["mechanism"] for row in whole))
    lines: dict[tuple[str, str], list[str]] = {}
    for row in whole:
        key = (row["ground"], row["grid_spacing_m"])
        points = float(row["points_per_wavelength"])
        start = [grounds[key[0]], f"{float(key[1]):g} m", f"{points:.0f}" if points >= 10 else f"{points:g}"]
        lines.setdefault(key, start).append(f"{100 * float(row['relative_rms']):.1f}%")
    return ["ground", "grid", "points per wavelength, 1.5 Hz", *mechanisms], list(lines.values())


def _coarse_grids(rows: Rows) -> Table:
    body = []
    for spacing in dict.fromkeys(row["grid_spacing_m"] for row in rows):
        by = {row["motion"]: row for row in rows if row["grid_spacing_m"] == spacing}
        raw, mended = by["as simulated"], by["dispersion taken out"]
        gained = [by["as simulated x gain"], by["dispersion taken out x gain"]]
        seconds = f"{float(raw['cpu_seconds']):.1f} + {float(mended['cpu_seconds_correction']):.2f}"
        errors = f"{digits(raw['rRMSE_raw'], 2)} to {digits(mended['rRMSE_raw'], 2)}"
        bias = " to ".join(digits(relative_bias(row, "high"), 2) for row in (raw, mended))
        fits = [f"{digits(row['EG'], 2)}, {digits(row['PG'], 2)}" for row in (raw, mended, *gained)]
        body.append([f"{float(spacing):g} m", seconds, fits[0], f"**{fits[1]}**", errors, bias, *fits[2:]])
    header = ["grid", "time, s", "EG, PG as simulated", "EG, PG without dispersion", "relative rms", "bias 2-5 Hz"]
    return [*header, "EG, PG `x gain`", "the same without dispersion"], body


def _sem3d(rows: Rows) -> Table:
    body = []
    for row in rows:
        scores = [digits(row["correlation"], 3), digits(row["rMAE_raw"], 3), digits(row["rRMSE_raw"], 3)]
        bias = biases(row, count=3)
        cells = [*scores, bias, digits(row["EG"], 2), digits(row["PG"], 2)]
        mean = row["sample"] == "mean"
        body.append(
            [f"{float(row['grid_spacing_m']):g} m", *(f"**{c}**" if mean else c for c in (row["sample"], *cells))]
        )
    return ["grid", "sample", "correlation", "rMAE_raw", "rRMSE_raw", _BIASES, "EG", "PG"], body


_OBSERVED = {
    "draw_EG": "EG of a draw",
    "draw_PG": "PG of a draw",
    "mean_EG": "EG of the mean of 47 draws",
    "mean_PG": "PG of the mean",
    "draw_ln_bias_low": "ln bias of draws, 0-1 Hz",
    "draw_ln_bias_mid": "1-2 Hz",
    "draw_ln_bias_high": "2-5 Hz",
    "ln_D5_95": "ln(D5-95 of draws / truth)",
    "crps_ln PGV": "CRPS of ln PGV",
    **{
        f"inside_{count}_sigma {what}": f"{what}: interval of {share} holds"
        for what in ("PGV", "SA(1 s)", "energy 2-5 Hz")
        for count, share in ((1, "68%"), (2, "95%"))
    },
    "misfit_over_error": "misfit at recorded sensors over the error",
    "correlation_with_neighbours": "their correlation with neighbours, less the truth's",
    "coherency_with_neighbours": "aligned coherency, less the truth's",
}


def _mifno_observed(rows: Rows) -> Table:
    """Scores at sensors without a recording, against the share of sensors with one."""
    by = {(row["measure"], float(row["share"])): row for row in rows}
    shares = sorted({share for _, share in by})
    body = []
    for measure, words in _OBSERVED.items():
        cells = []
        for share in shares:
            row = by[measure, share]
            known = row["mean"] not in ("", "nan")
            cells.append(
                f"{digits(row['mean'], 2)} [{digits(row['low'], 2)}, {digits(row['high'], 2)}]" if known else ""
            )
        body.append([words, *cells])
    return ["share of sensors with a recording", *(f"{share:.0%}" for share in shares)], body


_REGIONAL_SCORES = (
    ("ln_bias_0_1", signed), ("ln_bias_1_2", signed), ("ln_bias_2_5", signed), ("eg", digits), ("pg", digits)
)  # fmt: skip
_REGIONAL_SHARES = [f"coverage_80_{name}" for name in ("pgv", "energy_0_1", "energy_1_2", "energy_2_5")]
_REGIONAL_HEADS = [
    "cases", "motion", "ln(amplitude / truth), 0-1 Hz", "1-2 Hz", "2-5 Hz", "EG", "PG", "80% interval holds PGV",
    "energy 0-1 Hz", "1-2 Hz", "2-5 Hz",
]  # fmt: skip


def _regional(model: str) -> Callable[[Rows], Table]:
    """A model by family of ground."""

    def arrange(rows: Rows) -> Table:
        own = [r for r in rows if r["model"] == model]
        groups = {name: [r for r in own if r["family"] == name] for name in ("layers", "gradient", "basin")}
        return ["ground", *_REGIONAL_HEADS], _regional_lines({**groups, "all": own})

    return arrange


def _regional_points(rows: Rows) -> Table:
    """Each model, of point sources alone: what an operator corrects."""
    points = [r for r in rows if r["source"] == "point"]
    groups = {f"`{name}`": [r for r in points if r["model"] == name] for name in ("simulation", "hybrid")}
    return ["model", *_REGIONAL_HEADS], _regional_lines(groups)


def _regional_lines(groups: dict[str, Rows]) -> list[list[str]]:
    """Of each group: medians of scores over the cases, and the mean share of truths in the draws' intervals."""
    lines = []
    for group, rows in groups.items():
        for product, name in (("stage1", "stage 1"), ("mean", "mean"), ("draws", "draws")):
            some = [row for row in rows if row["product"] == product]
            if not some:
                continue
            values = [write(median(float(r[score]) for r in some if r[score]), 2) for score, write in _REGIONAL_SCORES]
            held = [[float(row[share]) for row in some if row[share]] for share in _REGIONAL_SHARES]
            lines.append([group, str(len(some)), name, *values, *(digits(fmean(h), 2) if h else "" for h in held)])
    return lines


def _attenuation_by_frequency(rows: Rows) -> Table:
    lines = {
        "ratio": ("ratio", 2),
        "lag, ms": ("lag_ms", 1),
        "exp(-pi f t*), t* = 12.5 ms": ("ratio_of_constant_q", 2),
        "t*/pi ln(5 / f), ms": ("lag_of_constant_q_ms", 1),
    }
    header = ["Hz", *(f"{float(row['frequency_hz']):g}" for row in rows)]
    return header, [[name, *(digits(row[c], n) for row in rows)] for name, (c, n) in lines.items()]


def _attenuation_by_time(rows: Rows) -> Table:
    lines = {
        "mean ratio between 1.3 and 4.6 Hz": ("ratio", 2),
        "t* of its slope, ms": ("t_star_ms", 0),
        "factor left at 0 Hz": ("factor_at_0_hz", 2),
        "t* of the database's law, ms": ("t_star_of_law_ms", 0),
        "mean ratio that the law would give at 3 Hz": ("ratio_of_law_at_3_hz", 2),
    }
    header = ["window", *(f"{float(row['start_s']):g}-{float(row['end_s']):g} s" for row in rows)]
    return header, [[name, *(digits(row[c], n) for row in rows)] for name, (c, n) in lines.items()]


# ---- stage 1


def _ablation(names: dict[str, str]) -> Callable[[Rows], Table]:
    def arrange(rows: Rows) -> Table:
        by = {row["variant"]: row for row in rows}
        body = []
        for name, words in names.items():
            scores = [digits(by[name]["val_loss"], 3), digits(by[name]["val_rRMSE_raw"], 3)]
            body.append([f"`{name}`: {words}", *scores, biases(by[name], "val_")])
        return ["variant", "loss", "rRMSE_raw", _BIASES], body

    return arrange


_COARSE = {
    "full": "the preset `coarse`",
    "full_again": "the same, another seed",
    "no_simulation": "corrects direct waves instead",
    "free_moment": "not linear in the moment tensor",
    "lowpass_skip": "that, and the published skip",
    "no_travel_times": "no arrival times as channels",
    "not_aligned": "time from the origin, not from the S arrival",
    "no_first_guess": "without the direct waves as channels",
}
_SMALL = {
    "full": "the preset `small`",
    "full_again": "the same, another seed",
    "rough_rays": "rays through the ground as it is",
    "one_medium": "one smoothing (500 m) instead of two",
    "no_first_guess": "no direct waves of ray theory",
    "no_travel_times": "no arrival times as channels",
    "not_aligned": "time from the origin, not from the S arrival",
    "lowpass_skip": "the published skip",
    "free_moment": "not linear in the moment tensor",
    "published_inputs": "all of the published inputs, and its skip",
    "no_augmentation": "no symmetries",
    "simulation": "corrects a 300 m simulation instead of direct waves",
}


def _trainings(rows: Rows) -> dict[str, Rows]:
    """Validations of each training, by its number of simulations."""
    found: dict[str, Rows] = {}
    for row in rows:
        found.setdefault(row["simulations"], []).append(row)
    return found


def _learning_curve_mifno(rows: Rows) -> Table:
    body = []
    for number, curve in _trainings(rows).items():
        best = min(curve, key=lambda row: float(row["val_loss"]))
        scores = [digits(best["val_loss"], 3), digits(best["val_rRMSE_raw"], 3), digits(best["val_bias_high"], 2)]
        body.append([f"{int(number):,}", f"{float(best['step']):,.0f}", *scores])
    return ["simulations", "steps", "loss", "rRMSE_raw", "bias 2-5 Hz"], body


def _learning_curve_mifno_1000(rows: Rows) -> Table:
    curves = _trainings(rows)
    body = [
        [
            number,
            ", ".join(digits(r["val_loss"], 3) for r in curve),
            ", ".join(digits(r["val_rRMSE_raw"], 3) for r in curve),
        ]
        for number, curve in curves.items()
    ]
    *first, last = (f"{float(row['step']):,.0f}" for row in next(iter(curves.values())))
    return ["simulations", f"loss after {', '.join(first)} and {last} steps", "rRMSE_raw"], body


# ---- stage 2


def _learning_curve_ddpm(rows: Rows) -> Table:
    first = rows[0]
    scores = ("EG", "PG")
    body = [
        [
            "stage 1",
            "",
            "",
            *(digits(first[f"val_stage1_{s}"], 2) for s in scores),
            signed(first["val_stage1_bias_high"], 3),
        ]
    ]
    for number, curve in _trainings(rows).items():
        best = min(curve, key=lambda row: float(row["val_loss"]))
        cells = [digits(best["val_loss"], 3), *(digits(best[f"val_{s}"], 2) for s in scores)]
        body.append([f"{int(number):,}", f"{float(best['step']):,.0f}", *cells, signed(best["val_bias_high"], 3)])
    return ["simulations", "steps", "loss", *scores, "bias 2-5 Hz"], body


_STEPS = {
    "stage 1": (0,),
    "jump": (1, 2, 4, 16, 1000),
    "dpm-solver++": (1, 2, 4, 8, 16, 50, 1000),
    "ddim": (8, 50, 1000),
    "ddpm": (8, 50, 1000),
}


def _quality_against_steps(rows: Rows) -> Table:
    by = {(row["sampler"], int(row["steps"])): row for row in rows}
    body = []
    for sampler, counts in _STEPS.items():
        for count in counts:
            row = by[sampler, count]
            scores = [
                digits(row["EG"], 2),
                digits(row["PG"], 2),
                signed(relative_bias(row, "mid"), 3),
                signed(relative_bias(row, "high"), 3),
            ]
            body.append([sampler, str(count or ""), *scores, digits(row["rRMSE_raw"], 2)])
    return ["sampler", "steps", "EG", "PG", "bias 1-2 Hz", "bias 2-5 Hz", "rRMSE_raw"], body


# ---- accuracy against time


def _frontier(truth: str) -> Callable[[Rows], Table]:
    def arrange(rows: Rows) -> Table:
        groups: dict[str, Rows] = {}
        for row in rows:
            if row["truth"] == truth:
                groups.setdefault(row["contender"], []).append(row)
        points = {name: _point(group) for name, group in groups.items()}
        curve = sorted((p["seconds"], p) for name, p in points.items() if name.endswith(", order 8"))
        body = []
        for name, point in sorted(points.items(), key=lambda item: item[1]["seconds"]):
            simulated = name.endswith(", order 8")
            called = name.replace(", order 8", " simulation").replace("1 steps", "1 step")
            scores = [f"{point['seconds']:.2f}", f"{point['EG']:.2f}", f"{point['PG']:.2f}", f"{point['rMAE_raw']:.3f}"]
            bias = biases(point)
            lead = ["", ""] if simulated else [signed(_ahead(point, [p for _, p in curve], s), 2) for s in ("EG", "PG")]
            body.append([called, *scores, bias, *lead])
        return ["", "s", "EG", "PG", "rMAE_raw", _BIASES, "EG ahead", "PG ahead"], body

    return arrange


def _point(group: Rows) -> dict[str, float]:
    """Of a contender: median of the seconds, means of the scores."""
    scores = {name: fmean(float(row[name]) for row in group) for name in ("EG", "PG", "rMAE_raw")}
    means = {f"bias_{b}": fmean(float(relative_bias(row, b)) for row in group) for b in ("low", "mid", "high")}
    return {"seconds": median(float(row["seconds"]) for row in group), **scores, **means}


def _ahead(own: dict[str, float], curve: list[dict[str, float]], score: str) -> float:
    """Score less the simulation's at equal time, linear in the logarithm of time; its nearest end outside."""
    at = math.log(own["seconds"])
    times = [math.log(point["seconds"]) for point in curve]
    after = next((i for i, time in enumerate(times) if time >= at), None)
    if after is None or after == 0:
        return own[score] - curve[-1 if after is None else 0][score]
    share = (at - times[after - 1]) / (times[after] - times[after - 1])
    return own[score] - (curve[after - 1][score] * (1 - share) + curve[after][score] * share)


# ---- the results: all models on the same test events


_MODELS = ("mifno", "hybrid", "simulation")
_LOG_BIASES = ("ln_bias_low", "ln_bias_mid", "ln_bias_high")
_DRAW, _EXPECT = "stage 1 + diffusion", "stage 1 + diffusion, expect"


def _interval(row: dict[str, str], prefix: str = "", *, count: int = 2) -> str:
    """The 95% interval of a mean; nothing where all resampled events agree."""
    low, high = (digits(row[f"{prefix}ci95_{end}"], count) for end in ("low", "high"))
    return "" if low == high else f" [{low}, {high}]"


def _cell(row: dict[str, str]) -> str:
    return digits(row["mean"], 2) + _interval(row)


def _of_models(row: dict[str, str]) -> str:
    """What a line is called: simulations on coarser grids belong to no model."""
    return row["contender"] if row["contender"].startswith("simulation at") else f"`{row['model']}`: {row['contender']}"


def _results(product: str) -> Callable[[Rows], Table]:
    """Scores of each contender of one product with their 95% intervals."""

    def arrange(rows: Rows) -> Table:
        by: dict[str, dict[str, str]] = {}
        for row in rows:
            if row["product"] == product:
                by.setdefault(_of_models(row), {})[row["metric"]] = _cell(row)
        body = [[name, *(cells[m] for m in ("EG", "PG", *_LOG_BIASES))] for name, cells in by.items()]
        return [{"mean": "single predictions", "draw": "draws"}[product], "EG", "PG", *_BANDS], body

    return arrange


_BANDS = ("ln bias 0-1 Hz", "1-2 Hz", "2-5 Hz")


def _first_table(rows: Rows) -> Table:
    """What each model and baseline gives: EG, PG and the bias at 2-5 Hz, against each truth."""
    truths = [name.removesuffix(" EG") for name in rows[0] if name.endswith(" EG")]
    cases = {t: max((r[f"{t} cases"] for r in rows if r[f"{t} cases"]), key=float, default="") for t in truths}
    lines: dict[str, list[str]] = {}
    for row in sorted(rows, key=lambda r: r["product"] == "draw"):
        # The simulation at 300 m, of each report that has one, is stage 1 of `simulation`.
        if row["contender"].startswith(("stage 1 + diffusion, mean of", "simulation at 300 m")):
            continue
        cells = {}
        for truth in (t for t in truths if row[f"{t} EG"]):
            cells[truth] = ", ".join(digits(row[f"{truth} {m}"], 2) for m in ("EG", "PG", "ln_bias_high"))
            if row[f"{truth} cases"] != cases[truth]:
                cells[truth] += f" (of {row[f'{truth} cases']})"
        lines.setdefault(_of_models(row), [row["product"], *(cells.get(t, "") for t in truths)])
    named = [f"{'test split' if t == 'test' else t}, {cases[t]} cases" for t in truths]
    named[0] += ": EG, PG, ln bias at 2-5 Hz"
    return ["", "a mean or a draw", *named], [[name, *cells] for name, cells in lines.items()]


def _results_ensembles(rows: Rows) -> Table:
    """Draws of each model beside its best baseline dressed with its errors."""
    levels = ("50%", "80%", "95%")
    body = []
    for model in _MODELS:
        own = [row for row in rows if row["model"] == model]
        for row in (row for row in own if row["contender"] == _DRAW):
            # A simulation is no baseline of a model that has none inside.
            fair = [r for r in own if model != "mifno" or r["contender"].startswith("stage 1")]
            others = [r for r in fair if "dressed" in r["contender"] and r["quantity"] == row["quantity"]]
            best = min((float(r["crps_ln"]) for r in others), default=math.nan)
            inside = [digits(row[f"inside_{level}"], 2) + _interval(row, f"inside_{level}_") for level in levels]
            crps = [digits(row["crps_ln"], 3), "" if math.isnan(best) else digits(best, 3)]
            body.append([f"`{model}`, {row['quantity']}", *inside, *crps])
    return ["", *(f"the {level} interval holds" for level in levels), "CRPS of ln", "best dressed baseline"], body


def _results_fields(rows: Rows) -> Table:
    """Differences of one draw from the truth."""
    by: dict[tuple[str, str], dict[str, dict[str, str]]] = {}
    for row in rows:
        if row["contender"] == _DRAW and row["difference"] not in ("", "nan"):
            by.setdefault((row["measure"], row["distance_m"]), {})[row["model"]] = row
    body = []
    for (measure, distance_m), of_model in by.items():
        logarithm = "coherency" not in measure and "correlation" not in measure
        words = ("ln of the " if logarithm else "") + measure
        words += f", {float(distance_m):g} m apart" if distance_m else ""
        truth = next(iter(of_model.values()))["truth"]
        known = f"{100 * float(truth):.2g}%" if "share" in measure else digits(truth, 2)
        cells = [signed(of_model[m]["difference"], 2) + _interval(of_model[m], "difference_") for m in _MODELS]
        body.append([f"{words} ({known})", *cells])
    return ["difference from the truth (the truth)", *(f"`{m}`" for m in _MODELS)], body


def _results_deciles(rows: Rows) -> Table:
    """By tenth of the sensors in order of the peak of stage 1, weakest first."""
    wanted = {
        "EG of stage 1": ("stage 1", "EG"),
        "EG of `expect`": (_EXPECT, "EG"),
        **{
            f"ln bias of draws, {name}": (_DRAW, metric)
            for metric, name in zip(_LOG_BIASES, ("0-1 Hz", "1-2 Hz", "2-5 Hz"), strict=True)
        },
    }
    body = []
    for model in _MODELS:
        for words, (contender, metric) in wanted.items():
            own = [r for r in rows if (r["model"], r["contender"], r["metric"]) == (model, contender, metric)]
            body.append([f"`{model}`, {words}", *(digits(row["mean"], 2) for row in own)])
    return ["tenth", *(str(k + 1) for k in range(len(body[0]) - 1))], body


def _results_durations(rows: Rows) -> Table:
    """Mean ln(prediction / truth) of scalar measures."""
    measures = ("PGA", "PGV", "PGD", "Arias", "CAV", "D5-95")
    by: dict[str, dict[str, str]] = {}
    for row in rows:
        if row["contender"] in ("stage 1", _DRAW):
            cell = digits(row["mean_ln_ratio"], 2) + _interval(row, "mean_ln_ratio_")
            by.setdefault(_of_models(row), {})[row["measure"]] = cell
    return ["mean ln(prediction / truth)", *measures], [[name, *(c[m] for m in measures)] for name, c in by.items()]


def _shared_noise(rows: Rows) -> Table:
    """How alike neighbours are for each choice of common noise."""
    distances = ("300 m", "600 m", "900 m", "1800 m")
    alike = {
        **{f"coherency, {d}": f"aligned_coherency {d}" for d in distances},
        **{f"correlation, {d}": f"correlation {d}" for d in distances[:2]},
    }
    others = {
        "above 12 km/s": "fast_share",
        "of what is added": "added_fast_share",
        "peak difference": "ln_difference",
    }
    columns = others | alike
    body = [
        [f"`{row['model']}`", row["shared_noise"], f"{float(row['shared_noise_m']) / 1000:g} km"]
        + [signed(row[name], 2) for name in columns.values()]
        for row in rows
    ]
    return ["model", "share", "over", *columns], body


def _condition_scaling(field: str, metric: str, words: str) -> Callable[[Rows], Table]:
    """A score against the factor by which the judged sensors alone were scaled."""

    def arrange(rows: Rows) -> Table:
        chosen = [row for row in rows if row["scaled"] == "judged sensors alone" and row["field"] == field]
        factors = list(dict.fromkeys(row["factor"] for row in chosen))
        body = []
        for model in dict.fromkeys(row["model"] for row in chosen):
            cells = [digits(row[metric], 2) for row in chosen if row["model"] == model]
            body.append([f"`{model.partition('@')[0]}`, {words}", *cells])
        return ["factor", *factors], body

    return arrange


def _regional_large(rows: Rows) -> Table:
    """One line for the model and each grid."""
    body = []
    for row in rows:
        name = row["contender"].replace("model ", "model `").replace("grid ", "direct, ")
        name = f"{name}`" if name.startswith("model") else f"{name} m"
        scores = [digits(row["bias_2_5"], 2), digits(row["sa_error"], 2)]
        cost = [f"{float(row['cpu_seconds']):.0f}", f"{float(row['memory_mib']) / 1024:.1f}"]
        body.append([name, *(scores if float(row["sa_error"]) else ["the truth", ""]), *cost])
    return ["", "mean ln(amplitude / truth), 2-5 Hz", "mean error of ln SA", "CPU time, s", "memory, GiB"], body


# ---- against records


_PREDICTORS = {"simulation": "model `simulation`", "direct": "direct simulation, 150 m"}
_MEASURES = ("PGV", "SA(0.3)", "SA(0.5)", "SA(0.75)", "SA(1)", "SA(1.5)", "SA(2)")


def _recordings(column: str, error: str = "") -> Callable[[Rows], Table]:
    """One number of each predictor and measure, with its standard error where there is one."""

    def arrange(rows: Rows) -> Table:
        by = {(row["predictor"], row["measure"]): row for row in rows}
        body = []
        for predictor in dict.fromkeys(row["predictor"] for row in rows):
            cells = []
            for measure in _MEASURES:
                row = by[predictor, measure]
                number = signed(row[column], 2) if error else digits(row[column], 2)
                cells.append(f"{number} ± {digits(row[error], 2)}" if error else number)
            body.append([_PREDICTORS.get(predictor, predictor), *cells])
        return ["", *(m.replace("SA(", "SA ").replace(")", " s") for m in _MEASURES)], body

    return arrange


ARRANGEMENTS = {
    "recordings_bias": Arrangement("recordings", _recordings("mean_ln_observed_over_predicted", "standard_error")),
    "recordings_between": Arrangement("recordings", _recordings("between_events")),
    "recordings_within": Arrangement("recordings", _recordings("within_events")),
    "layered": Arrangement("layered", _layered),
    "coarse_grids": Arrangement("coarse_grids", _coarse_grids),
    "mifno_observed": Arrangement("mifno_observed", _mifno_observed),
    "sem3d": Arrangement("sem3d", _sem3d),
    "regional": Arrangement("regional", _regional("simulation")),
    "regional_hybrid": Arrangement("regional", _regional("hybrid")),
    "regional_points": Arrangement("regional", _regional_points),
    "regional_large": Arrangement("regional_large", _regional_large),
    "attenuation_by_frequency": Arrangement("attenuation_by_frequency", _attenuation_by_frequency),
    "attenuation_by_time": Arrangement("attenuation_by_time", _attenuation_by_time),
    "ablation_mifno_coarse": Arrangement("ablation_mifno_coarse", _ablation(_COARSE)),
    "ablation_mifno": Arrangement("ablation_mifno", _ablation(_SMALL)),
    "learning_curve_mifno": Arrangement("learning_curve_mifno", _learning_curve_mifno),
    "learning_curve_mifno_1000": Arrangement("learning_curve_mifno_1000", _learning_curve_mifno_1000),
    "learning_curve_ddpm": Arrangement("learning_curve_ddpm", _learning_curve_ddpm),
    "learning_curve_ddpm_4000": Arrangement("learning_curve_ddpm_4000", _learning_curve_ddpm),
    "quality_against_steps": Arrangement("quality_against_steps", _quality_against_steps),
    "frontier_100m": Arrangement("frontier", _frontier("100 m")),
    "frontier_sem3d": Arrangement("frontier", _frontier("SEM3D")),
    "first_table": Arrangement("results_first", _first_table),
    "results_means": Arrangement("results_summary", _results("mean")),
    "results_draws": Arrangement("results_summary", _results("draw")),
    "results_ensembles": Arrangement("results_ensembles", _results_ensembles),
    "results_fields": Arrangement("results_fields", _results_fields),
    "results_deciles": Arrangement("results_deciles", _results_deciles),
    "results_durations": Arrangement("results_intensities", _results_durations),
    "shared_noise": Arrangement("shared_noise", _shared_noise),
    "scaled_mean": Arrangement(
        "condition_scaling",
        _condition_scaling("mean of 19 draws", "EG", "EG of the mean of 19 draws"),
    ),
    "scaled_draw": Arrangement(
        "condition_scaling",
        _condition_scaling("draw", "ln_bias_high", "mean ln(draw / truth) at 2-5 Hz"),
    ),
}
