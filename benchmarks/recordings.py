"""Recorded ground motion against predictions that know nothing but the flatfile's source (docs/tables/recordings.csv).

    python benchmarks/recordings.py --out DIR [--events N] [--grounds N] [--predict simulation direct] [--keep TABLE]
                                    [--flatfile CSV]

Rock records of small earthquakes in New Zealand are predicted on a stated ground by the model `simulation` and by
direct simulation, and four ground-motion models say what they would have said. `benchmarks/recordings.yaml` holds all
that was chosen; it was committed before predictions were first compared with records. Printed and written:
ln(observed / predicted) by period, its mean (the bias) and its parts between and within events.

Every record, ground and predictor has a small file in DIR/predictions: run again, it goes on with those that are
missing, and the table has the records that all predictors have. Cheap first: --events takes the nearest earthquakes,
--grounds the first grounds; --keep TABLE takes the lines of predictors that are not run (direct simulations hang on no
weights) from an earlier table of the same records. Run it behind other work: `chrt -i 0 python
benchmarks/recordings.py ...`.

Data: New Zealand Strong Motion Database (Van Houtte et al. 2017, Kaiser et al. 2017), CC BY 3.0 NZ. We acknowledge the
New Zealand GeoNet project and its sponsors EQC, GNS Science and LINZ, for providing data used in this study.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import json
import math
import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pydantic
import yaml

import spectremor as sp
from spectremor.core.errors import InputWarning
from spectremor.core.files import atomic_file
from spectremor.core.recording import Stations
from spectremor.core.source import brune_rise_time_s, moment_from_mw
from spectremor.hazard.generic_rock import Profile, rock_profile, site_term
from spectremor.hazard.ground_motion_models import NGA_WEST2, ask_models
from spectremor.hazard.motion import motion_measures
from spectremor.hazard.residuals import split_residuals
from spectremor.hazard.scenario import Scenario, mechanism_of
from spectremor.signal.intensity import STANDARD_GRAVITY_M_S2

HERE = Path(__file__).resolve().parent
SHARED = Path(os.environ.get("SPECTREMOR_SHARED", HERE.parents[1] / "shared"))
FLATFILE = SHARED / "recordings" / "geonet_nzsmd" / "NZdatabase_flatfile_PSA_05pc.csv"
TABLE = HERE.parent / "docs" / "tables" / "recordings.csv"
MISSING = -99999.0
PREDICTORS = ("simulation", "direct")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Choices:
    """What recordings.yaml says; see there."""

    magnitude: tuple[float, float]
    farthest_hypocentre_km: float
    slowest_vs30_m_s: float
    tectonic_classes: tuple[str, ...]
    stress_drop_pa: float
    nodes_m: float
    slowest_vs_m_s: float
    heterogeneity: float
    correlation_lengths_m: tuple[float, float, float]
    hurst: float
    grounds: int
    kappa_s: float
    margin_m: float
    slowest_waves_m_s: float
    after_s: float
    grid_spacing_m: float
    draws: int
    periods_s: tuple[float, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Record:
    """One row of the flatfile.

    Attributes:
        name: of the record.
        event: id of the earthquake.
        mw: moment magnitude.
        angles_deg: strike, dip, rake.
        depth_km: of the hypocentre.
        epicentre_km: distance along the surface.
        azimuth_deg: from the epicentre to the station, clockwise from North.
        scenario: what ground-motion models ask.
        observed: RotD50 by name: PGV in m/s, SA(T) in m/s2; NaN where the record does not hold it.
    """

    name: str
    event: str
    mw: float
    angles_deg: tuple[float, float, float]
    depth_km: float
    epicentre_km: float
    azimuth_deg: float
    scenario: Scenario
    observed: dict[str, float]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layout:
    """The domain of one prediction: a box whose x axis points from the epicentre to the station.

    Attributes:
        extent_m: sides along x and y, and depth: whole numbers of distances between nodes.
        source_m: position (x, y, z).
        station_m: position (x, y) at the surface.
        duration_s: of the record.
    """

    extent_m: tuple[float, float, float]
    source_m: tuple[float, float, float]
    station_m: tuple[float, float]
    duration_s: float

    @classmethod
    def of(cls, record: Record, choices: Choices) -> Layout:
        """Around the source and the station of a record."""
        margin, nodes = choices.margin_m, choices.nodes_m
        along_m, depth_m = 1000.0 * record.epicentre_km, 1000.0 * record.depth_km
        sides = (along_m + 2 * margin, 2 * margin, depth_m + margin)
        x, y, depth = (nodes * math.ceil(side / nodes) for side in sides)
        seconds = math.hypot(along_m, depth_m) / choices.slowest_waves_m_s + choices.after_s
        return cls(
            extent_m=(x, y, depth),
            source_m=(margin, y / 2, -depth_m),
            station_m=(margin + along_m, y / 2),
            duration_s=math.ceil(seconds * 10) / 10,
        )


def read_choices(path: Path = HERE / "recordings.yaml") -> Choices:
    """What was chosen before the first comparison."""
    return pydantic.TypeAdapter(Choices).validate_python(yaml.safe_load(path.read_text(encoding="utf-8")))


def read_records(flatfile: Path, choices: Choices) -> list[Record]:
    """The records that the choices ask for, nearest earthquakes first."""
    with flatfile.open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if _wanted(row, choices)]
    records = [_record(row, choices) for row in rows]
    nearest = {}
    for record in records:
        distance = math.hypot(record.epicentre_km, record.depth_km)
        nearest[record.event] = min(distance, nearest.get(record.event, math.inf))
    return sorted(records, key=lambda r: (nearest[r.event], r.event, r.epicentre_km))


def _wanted(row: dict[str, str], choices: Choices) -> bool:
    low, high = choices.magnitude
    return (
        low <= float(row["Mw"]) <= high
        and float(row["Rhyp_km"]) <= choices.farthest_hypocentre_km
        and float(row["Vs30"]) >= choices.slowest_vs30_m_s
        and row["TectClass"] in choices.tectonic_classes
    )


def _record(row: dict[str, str], choices: Choices) -> Record:
    numbers = {key: float(row[key]) for key in ("Mw", "Strike", "Dip", "Rake", "HypDepth_km", "Repi_km", "Vs30")}
    numbers |= {key: float(row[key]) for key in ("ZTOR_km", "Rrup_km", "Rjb_km")}
    # The excerpt that tests use has neither width nor Rx; both matter to the hanging wall alone.
    width, rx = (float(row.get(key) or fallback) for key, fallback in (("WIDTH_km", 2.0), ("Rx_km", row["Rjb_km"])))
    observed = {"PGV": _number(row["PGV_RotD50"])}
    for period in choices.periods_s:
        column = next(name for name in row if name.endswith("SA_RotD50") and _is_period(name, period))
        observed[f"SA({period:g})"] = _number(row[column]) * STANDARD_GRAVITY_M_S2
    return Record(
        name=row["Record"],
        event=row["CuspID"],
        mw=numbers["Mw"],
        angles_deg=(numbers["Strike"], numbers["Dip"], numbers["Rake"]),
        depth_km=numbers["HypDepth_km"],
        epicentre_km=numbers["Repi_km"],
        azimuth_deg=_azimuth_deg(*(float(row[k]) for k in ("HypLon", "HypLat", "StationLon", "StationLat"))),
        scenario=Scenario(
            mw=numbers["Mw"],
            mechanism=mechanism_of(numbers["Rake"]),
            dip_deg=numbers["Dip"],
            hypocentre_depth_km=numbers["HypDepth_km"],
            top_depth_km=numbers["ZTOR_km"],
            width_km=width,
            rrup_km=numbers["Rrup_km"],
            rjb_km=numbers["Rjb_km"],
            rx_km=rx,
            vs30_m_s=numbers["Vs30"],
        ),
        observed=observed,
    )


def _is_period(column: str, period_s: float) -> bool:
    return math.isclose(float(column[1:].split("SA")[0]) * period_s, 1.0, rel_tol=1e-3)


def _number(text: str) -> float:
    return math.nan if float(text) <= MISSING else float(text)


def _azimuth_deg(lon_1: float, lat_1: float, lon_2: float, lat_2: float) -> float:
    east = math.radians(lon_2 - lon_1) * math.cos(math.radians(0.5 * (lat_1 + lat_2)))
    return math.degrees(math.atan2(east, math.radians(lat_2 - lat_1))) % 360.0


class Predictor:
    """Motion at the station of a record on one ground, by the model `simulation` or by direct simulation."""

    def __init__(self, name: str, choices: Choices) -> None:
        self.name, self.choices = name, choices
        self.model = None if name == "direct" else sp.load_model(name)

    def __call__(self, record: Record, ground: int) -> dict[str, float]:
        """Mean over draws of the logarithm of each measure."""
        choices, layout = self.choices, Layout.of(record, self.choices)
        profile = rock_profile(record.scenario.vs30_m_s)
        depths_m = np.arange(round(layout.extent_m[2] / choices.nodes_m) + 1) * choices.nodes_m
        carried = profile.on_nodes(depths_m, choices.slowest_vs_m_s)
        geology, source = self._geology(carried, layout, ground), self._source(record, layout, carried)
        x, y = (np.array([position]) for position in layout.station_m)
        there = {"stations": Stations(("station",), x, y, np.zeros(1)), "duration_s": layout.duration_s}
        if self.model is None:
            field = sp.simulate(geology, source, grid_spacing_m=choices.grid_spacing_m, **there).expand_dims(
                "realization"
            )
        else:
            field = self.model.generate(geology, source, realizations=choices.draws, seed=ground, **there)
        traces = field.transpose("realization", "station", "component", "time").values[:, 0].astype(float)
        dt_s = float(field["time"][1] - field["time"][0])
        traces = filtered(traces, dt_s, lambda f: site_term(f, carried, profile, choices.kappa_s))
        measures = motion_measures(traces, dt_s, periods_s=choices.periods_s, frequencies_hz=(1.0,))
        found = {"PGV": measures.pgv[0]}
        found |= {f"SA({period:g})": measures.sa[0, :, k] for k, period in enumerate(choices.periods_s)}
        return {name: float(np.log(values).mean()) for name, values in found.items()}

    def _source(self, record: Record, layout: Layout, carried: Profile) -> sp.Source:
        vs_m_s = float(carried.vs_at(np.array(-layout.source_m[2])))
        strike, dip, rake = record.angles_deg
        return sp.Source.from_angles(
            position_m=layout.source_m,
            # The station stands east of the epicentre in the domain's axes.
            strike_deg=strike - record.azimuth_deg + 90.0,
            dip_deg=dip,
            rake_deg=rake,
            mw=record.mw,
            rise_time_s=brune_rise_time_s(moment_from_mw(record.mw), vs_m_s, self.choices.stress_drop_pa),
        )

    def _geology(self, carried: Profile, layout: Layout, ground: int) -> sp.Geology:
        shape = tuple(round(side / self.choices.nodes_m) + 1 for side in layout.extent_m)
        flat = sp.make_geology(np.broadcast_to(carried.vs_m_s[::-1], shape).copy(), layout.extent_m)
        return sp.perturb_geology(
            flat,
            seed=ground,
            coefficient_of_variation=self.choices.heterogeneity,
            correlation_lengths_m=self.choices.correlation_lengths_m,
            hurst=self.choices.hurst,
        )


def filtered(traces: np.ndarray, dt_s: float, gain: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Traces with a real gain on their Fourier spectrum, padded so that nothing comes round."""
    samples = traces.shape[-1]
    spectrum = np.fft.rfft(traces, 4 * samples, axis=-1) * gain(np.fft.rfftfreq(4 * samples, dt_s))
    return np.fft.irfft(spectrum, 4 * samples, axis=-1)[..., :samples]


def predictions(
    records: Sequence[Record], predictor: Predictor, grounds: int, folder: Path
) -> dict[str, dict[str, float]]:
    """By record, the mean over the grounds; what is on disk is not made again."""
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, list[dict[str, float]]] = {}
    # The first ground of all records comes before the second of any.
    for ground in range(grounds):
        for record in records:
            path = folder / f"{predictor.name}_{record.name}_{ground}.json"
            if not path.exists():
                with warnings.catch_warnings():
                    # Of what the grid carries and of what models learned: the text says it.
                    warnings.simplefilter("ignore", InputWarning)
                    logs = predictor(record, ground)
                with atomic_file(path) as aside:
                    aside.write_text(json.dumps(logs), encoding="utf-8")
                print(f"{predictor.name}: {record.name}, ground {ground}", flush=True)
            found.setdefault(record.name, []).append(json.loads(path.read_text(encoding="utf-8")))
    return {
        name: {measure: float(np.mean([one[measure] for one in logs])) for measure in logs[0]}
        for name, logs in found.items()
    }


def of_ground_motion_models(records: Sequence[Record], choices: Choices) -> dict[str, dict[str, dict[str, float]]]:
    """Logarithms of medians, by model and record."""
    answers = ask_models([r.scenario for r in records], choices.periods_s, NGA_WEST2)
    for note in answers.notes:
        print(note)
    return {
        motion.name: {
            record.name: {"PGV": float(np.log(motion.pgv[i]))}
            | {f"SA({t:g})": float(np.log(motion.sa[i, k])) for k, t in enumerate(choices.periods_s)}
            for i, record in enumerate(records)
        }
        for motion in answers.motions
    }


def table_rows(records: Sequence[Record], by_predictor: dict[str, dict[str, dict[str, float]]]) -> list[dict]:
    """A row for each measure and predictor; all predictors on the same records."""
    common = set.intersection(*(set(found) for found in by_predictor.values()))
    chosen = [r for r in records if r.name in common]
    rows = []
    for measure in records[0].observed:
        for name, found in by_predictor.items():
            residuals = [math.log(r.observed[measure]) - found[r.name][measure] for r in chosen]
            parts = split_residuals(residuals, [r.event for r in chosen])
            rows.append(
                {
                    "measure": measure,
                    "predictor": name,
                    "records": parts.records,
                    "events": len(parts.events),
                    "mean_ln_observed_over_predicted": parts.bias,
                    "standard_error": parts.bias_standard_error,
                    "between_events": parts.between,
                    "within_events": parts.within,
                    "total": parts.total,
                }
            )
    return rows


def kept_rows(table: Path, rows: Sequence[dict]) -> list[dict]:
    """Lines of an earlier table, of predictors that are not among the rows; their records must be the same."""
    with table.open(newline="", encoding="utf-8") as stream:
        earlier = [row for row in csv.DictReader(stream) if row["predictor"] not in {r["predictor"] for r in rows}]
    for measure in {row["measure"] for row in rows}:
        of_measure = [row for row in (*earlier, *rows) if row["measure"] == measure]
        counts = {(int(row["records"]), int(row["events"])) for row in of_measure}
        if len(counts) > 1:
            raise SystemExit(f"--keep {table}: {measure} of {sorted(counts)} records and events; allowed: one of both")
    return earlier


def write_table(rows: Sequence[dict], path: Path) -> None:
    """As csv, numbers to four digits behind the point."""
    with atomic_file(path) as aside, aside.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows([{k: f"{v:.4f}" if isinstance(v, float) else v for k, v in row.items()} for row in rows])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for predictions and the table")
    parser.add_argument("--flatfile", type=Path, default=FLATFILE)
    parser.add_argument("--events", type=int, help="the nearest so many earthquakes")
    parser.add_argument("--grounds", type=int, help="the first so many grounds (default: all that were chosen)")
    parser.add_argument("--predict", nargs="*", choices=PREDICTORS, default=PREDICTORS)
    parser.add_argument("--keep", type=Path, help="an earlier table, for the predictors that are not run")
    parser.add_argument("--table", type=Path, help=f"csv file, e.g. {TABLE} (default: OUT/recordings.csv)")
    options = parser.parse_args()
    if options.keep and not options.keep.is_file():
        parser.error(f"--keep: got {options.keep}; allowed: a table that is there")
    if not options.flatfile.is_file():
        parser.error(f"--flatfile: got {options.flatfile}; allowed: the database's flatfile, see above")
    options.out.mkdir(parents=True, exist_ok=True)
    choices = read_choices()
    records = read_records(options.flatfile, choices)
    events = list(dict.fromkeys(r.event for r in records))[: options.events]
    chosen = [r for r in records if r.event in events]
    print(f"{len(chosen)} records of {len(events)} earthquakes")
    folder, grounds = options.out / "predictions", options.grounds or choices.grounds
    by_predictor = {name: predictions(chosen, Predictor(name, choices), grounds, folder) for name in options.predict}
    rows = table_rows(chosen, by_predictor | of_ground_motion_models(chosen, choices))
    if options.keep:
        measures, rows = [row["measure"] for row in rows], [*rows, *kept_rows(options.keep, rows)]
        rows.sort(
            key=lambda row: (measures.index(row["measure"]), (*PREDICTORS, row["predictor"]).index(row["predictor"]))
        )
    write_table(rows, options.table or options.out / "recordings.csv")
    for row in rows:
        print(", ".join(f"{v:.2f}" if isinstance(v, float) else str(v) for v in row.values()))


if __name__ == "__main__":
    main()
