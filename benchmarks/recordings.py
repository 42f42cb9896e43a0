"""Recorded ground motion against predictions that know nothing but the flatfile's source (docs/tables/recordings.csv).

    python benchmarks/recordings.py --out DIR [--events N] [--predict simulation direct] [--flatfile CSV]

Rock records of small earthquakes in New Zealand are predicted on a stated ground by a model of this project and by
direct simulation, and four ground-motion models say what they would have said. `benchmarks/recordings.yaml` holds all
that was chosen; it was committed before the first comparison. Printed and written: ln(observed / predicted) by period,
its mean (the bias) and its parts between and within events.

Every record and predictor has a small file in DIR/predictions: run again, it goes on with those that are missing;
--events takes the nearest earthquakes first. Run it behind other work: `chrt -i 0 python benchmarks/recordings.py ...`.

The domain of the models is a cube of 9.6 km and 6.4 s. Records whose source is too deep or too far away for it are not
predicted, and the table says how many are; ground-motion models stand there for all records too. `Layout` is where a
larger domain goes.

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
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pydantic
import yaml

import spectremor as sp
from spectremor.core.errors import InputWarning
from spectremor.core.files import atomic_file
from spectremor.core.source import brune_rise_time_s, moment_from_mw
from spectremor.hazard.generic_rock import rock_profile, site_term
from spectremor.hazard.ground_motion_models import NGA_WEST2, ask_models
from spectremor.hazard.motion import motion_measures
from spectremor.hazard.residuals import split_residuals
from spectremor.hazard.scenario import Scenario, mechanism_of
from spectremor.signal.corner import with_rise_time
from spectremor.signal.intensity import STANDARD_GRAVITY_M_S2

HERE = Path(__file__).resolve().parent
SHARED = Path(os.environ.get("SPECTREMOR_SHARED", HERE.parents[1] / "shared"))
FLATFILE = SHARED / "recordings" / "geonet_nzsmd" / "NZdatabase_flatfile_PSA_05pc.csv"
TABLE = HERE.parent / "docs" / "tables" / "recordings.csv"
MISSING = -99999.0
PREDICTORS = ("simulation", "hybrid", "direct")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Choices:
    """What recordings.yaml says; see there."""

    magnitude: tuple[float, float]
    farthest_hypocentre_km: float
    slowest_vs30_m_s: float
    tectonic_classes: tuple[str, ...]
    stress_drop_pa: float
    heterogeneity: float
    correlation_lengths_m: tuple[float, float, float]
    hurst: float
    grounds: int
    kappa_s: float
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
    """The domain of a prediction, and where source and station may stand in it.

    Attributes:
        extent_m: sides of a cube.
        nodes: of the geology along each side.
        slowest_m_s: nothing slower is on the nodes.
        source_m: nearest and farthest that a source may stand from where x and y begin.
        sensors_m: positions of sensors along x and y.
        depths_m: shallowest and deepest source.
        duration_s: of the records.
    """

    extent_m: float = 9600.0
    nodes: int = 32
    slowest_m_s: float = 1071.0
    source_m: tuple[float, float] = (1200.0, 8400.0)
    sensors_m: tuple[float, ...] = tuple(300.0 * k + 150.0 for k in range(2, 30))
    depths_m: tuple[float, float] = (600.0, 9000.0)
    duration_s: float = 6.4

    def place(self, record: Record) -> tuple[tuple[float, float], float] | None:
        """Source and station on the diagonal of the domain: the source's (x, y), and the station's x, which is its y.

        As near to the middle as can be; None where they do not fit.
        """
        offset_m = 1000.0 * record.epicentre_km / math.sqrt(2)
        low, high = self.source_m
        fitting = [s for s in self.sensors_m if low <= s - offset_m <= high]
        if not fitting or not self.depths_m[0] <= 1000.0 * record.depth_km <= self.depths_m[1]:
            return None
        station = min(fitting, key=lambda s: abs(s - offset_m / 2 - self.extent_m / 2))
        return (station - offset_m, station - offset_m), station


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
    """Traces at the station of a record, by a model of this project or by direct simulation."""

    def __init__(self, name: str, choices: Choices, layout: Layout) -> None:
        self.name, self.choices, self.layout = name, choices, layout
        self.model = None if name == "direct" else sp.load_model(name)

    def __call__(self, record: Record) -> dict[str, float] | None:
        """Mean over grounds and draws of the logarithm of each measure; None where the record does not fit."""
        placed = self.layout.place(record)
        if placed is None:
            return None
        logs = [self._logs(record, *placed, ground) for ground in range(self.choices.grounds)]
        return {name: float(np.mean([log[name] for log in logs])) for name in logs[0]}

    def _logs(self, record: Record, epicentre_m: tuple[float, float], station_m: float, ground: int) -> dict:
        layout, choices = self.layout, self.choices
        profile = rock_profile(record.scenario.vs30_m_s)
        carried = profile.on_nodes(np.linspace(0.0, layout.extent_m, layout.nodes), layout.slowest_m_s)
        geology = self._geology(carried, ground)
        position_m = (*epicentre_m, -1000.0 * record.depth_km)
        vs_at_source = float(carried.vs_at(np.array(-position_m[2])))
        rise_time_s = brune_rise_time_s(moment_from_mw(record.mw), vs_at_source, choices.stress_drop_pa)
        strike, dip, rake = record.angles_deg
        # The station stands to the north-east of the epicentre in the domain's axes.
        turned = strike - record.azimuth_deg + 45.0

        def source(tau_s: float) -> sp.Source:
            return sp.Source.from_angles(
                position_m=position_m, strike_deg=turned, dip_deg=dip, rake_deg=rake, mw=record.mw, rise_time_s=tau_s
            )

        if self.model is None:
            traces, dt_s = self._simulated(geology, source(rise_time_s), station_m)
        else:
            tau_s = self.model.trained_range.rise_time_s
            traces, dt_s = self._drawn(geology, source(tau_s), station_m, ground)
            traces = with_rise_time(traces, dt_s, tau_s, rise_time_s)
        traces = filtered(traces, dt_s, lambda f: site_term(f, carried, profile, choices.kappa_s))
        measures = motion_measures(traces, dt_s, periods_s=choices.periods_s, frequencies_hz=(1.0,))
        found = {"PGV": measures.pgv[0]}
        found |= {f"SA({period:g})": measures.sa[0, :, k] for k, period in enumerate(choices.periods_s)}
        return {name: float(np.log(values).mean()) for name, values in found.items()}

    def _geology(self, carried, ground: int) -> sp.Geology:
        side, nodes = self.layout.extent_m, self.layout.nodes
        upward = carried.vs_m_s[::-1]
        flat = sp.make_geology(np.broadcast_to(upward, (nodes, nodes, nodes)).copy(), (side, side, side))
        return sp.perturb_geology(
            flat,
            seed=ground,
            coefficient_of_variation=self.choices.heterogeneity,
            correlation_lengths_m=self.choices.correlation_lengths_m,
            hurst=self.choices.hurst,
        )

    def _simulated(self, geology, source, station_m: float) -> tuple[np.ndarray, float]:
        at = (np.array([station_m]), np.array([station_m]))
        field = sp.simulate(
            geology,
            source,
            grid_spacing_m=self.choices.grid_spacing_m,
            duration_s=self.layout.duration_s,
            sensors_m=at,
        )
        return field.values[None, :, 0, 0].astype(float), 0.02

    def _drawn(self, geology, source, station_m: float, ground: int) -> tuple[np.ndarray, float]:
        stage1 = self.model.predict(geology, source)
        k = int(np.abs(stage1["x"].values - station_m).argmin())
        one = stage1.isel(x=[k], y=[k])
        draws = self.model.restore(one, realizations=self.choices.draws, seed=ground)
        return draws.values[:, :, 0, 0].astype(float), 0.02


def filtered(traces: np.ndarray, dt_s: float, gain: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Traces with a real gain on their Fourier spectrum, padded so that nothing comes round."""
    samples = traces.shape[-1]
    spectrum = np.fft.rfft(traces, 4 * samples, axis=-1) * gain(np.fft.rfftfreq(4 * samples, dt_s))
    return np.fft.irfft(spectrum, 4 * samples, axis=-1)[..., :samples]


def predictions(records: Iterable[Record], predictor: Predictor, folder: Path) -> dict[str, dict[str, float]]:
    """By record; those that are on disk are not made again."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for record in records:
        path = folder / f"{predictor.name}_{record.name}.json"
        if not path.exists():
            with warnings.catch_warnings():
                # Of what the grid carries: the periods that it does not are in the table all the same, and the text.
                warnings.simplefilter("ignore", InputWarning)
                logs = predictor(record)
            if logs is None:
                continue
            with atomic_file(path) as aside:
                aside.write_text(json.dumps(logs), encoding="utf-8")
            print(f"{predictor.name}: {record.name}", flush=True)
        found[record.name] = json.loads(path.read_text(encoding="utf-8"))
    return found


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


def table_rows(
    name_of_set: str, records: Sequence[Record], by_predictor: dict[str, dict[str, dict[str, float]]]
) -> list[dict]:
    """A row for each measure and predictor; all predictors on the same records, which have a name together."""
    common = set.intersection(*(set(found) for found in by_predictor.values()))
    chosen = [r for r in records if r.name in common]
    rows = []
    for measure in records[0].observed:
        for name, found in by_predictor.items():
            residuals = [math.log(r.observed[measure]) - found[r.name][measure] for r in chosen]
            parts = split_residuals(residuals, [r.event for r in chosen])
            rows.append(
                {
                    "set": name_of_set,
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
    parser.add_argument("--events", type=int, help="the nearest so many earthquakes that fit the domain")
    parser.add_argument("--predict", nargs="*", choices=PREDICTORS, default=("simulation", "direct"))
    parser.add_argument("--table", type=Path, help=f"csv file, e.g. {TABLE} (default: OUT/recordings.csv)")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    choices, layout = read_choices(), Layout()
    records = read_records(options.flatfile, choices)
    fitting = [r for r in records if layout.place(r) is not None]
    events = list(dict.fromkeys(r.event for r in fitting))[: options.events]
    print(f"{len(records)} records of {len({r.event for r in records})} earthquakes; {len(fitting)} fit the domain")
    chosen = [r for r in fitting if r.event in events]
    folder = options.out / "predictions"
    by_predictor = {name: predictions(chosen, Predictor(name, choices, layout), folder) for name in options.predict}
    rows = table_rows("in the cube", chosen, by_predictor | of_ground_motion_models(chosen, choices))
    rows += table_rows("all", records, of_ground_motion_models(records, choices))
    write_table(rows, options.table or options.out / "recordings.csv")
    for row in rows:
        print(", ".join(f"{v:.2f}" if isinstance(v, float) else str(v) for v in row.values()))


if __name__ == "__main__":
    main()
