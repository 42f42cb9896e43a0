"""The results of a benchmark run, event by event: scores and small arrays, never wavefields."""

from __future__ import annotations

import dataclasses
import math
import warnings

import numpy as np
from jaxtyping import Float, Int

from spectremor.judging.fields import Measures
from spectremor.judging.scores import METRICS, mean, sensor_scores
from spectremor.judging.subset import stratified_error
from spectremor.signal import intensity
from spectremor.signal.coherence import SMOOTHING_BINS, coherency_by_distance, semivariogram
from spectremor.signal.filters import high_pass
from spectremor.signal.response import rotd, rotd_peak, usable_frequencies
from spectremor.signal.spectra import BANDS_HZ, amplitude_spectrum, band_rms, bands_up_to, frequencies

#: Oscillator periods in s.
PERIODS_S = np.geomspace(0.1, 5.0, 15)
#: Quantities that ensembles are judged by, and the frequencies in Hz that each of them needs the data to hold. PGV and
#: SA are RotD50 of the horizontal components.
ENSEMBLE_QUANTITIES: dict[str, tuple[float, float]] = {
    "PGV": (0.0, 0.0),
    "SA(0.3 s)": (1 / 0.3, 1 / 0.3),
    "SA(1 s)": (1.0, 1.0),
    **{f"energy {low:g}-{high:g} Hz": (low, high) for low, high in BANDS_HZ},
}
INTENSITIES = ("PGA", "PGV", "PGD", "Arias", "CAV", "D5-95")
#: Corner in Hz of the high-pass before coherency is computed.
COHERENCY_HIGH_PASS_HZ = 1.0


@dataclasses.dataclass(frozen=True)
class Plan:
    """Sampling and geometry of a run.

    Attributes:
        dt_s: sampling step.
        total_sensors: sensors of the whole array.
        distance_edges_m: distance bins of coherency and semivariogram.
    """

    dt_s: float
    total_sensors: int
    distance_edges_m: Float[np.ndarray, " edge"]


@dataclasses.dataclass
class Traits:
    """Spectra and measures of one set of traces (sensor, 3, time), of the truth or of a prediction.

    Attributes:
        spectrum: (frequency,) mean Fourier amplitude over sensors and components, m/s s.
        response: (few sensors, period) RotD50 of SA, m/s2.
        measures: (few sensors, measure) geometric mean of the horizontal components.
        coherency: (distance, frequency), or None where it wasn't asked for.
    """

    spectrum: np.ndarray
    response: np.ndarray
    measures: np.ndarray
    coherency: np.ndarray | None

    @classmethod
    def of(
        cls,
        traces: np.ndarray,
        dt_s: float,
        few: np.ndarray,
        pairs: list[np.ndarray] | None,
        highest_hz: float = math.inf,
    ) -> Traits:
        """Compute them from traces.

        Args:
            traces: velocities in m/s.
            dt_s: sampling step.
            few: the sensors whose response spectra are computed.
            pairs: of sensors, for coherency; None: no coherency.
            highest_hz: frequency up to which the truth is sound; what lies above it is NaN.
        """
        frequency = frequencies(traces.shape[-1], dt_s)
        sound = np.where(usable_frequencies(frequency, (0.0, highest_hz)), 1.0, np.nan)
        sound_periods = np.where(usable_frequencies(1 / PERIODS_S, (0.0, highest_hz)), 1.0, np.nan)
        return cls(
            spectrum=_defined_mean(amplitude_spectrum(traces, dt_s).mean(axis=1)) * sound,
            response=_response(traces[few, :2], dt_s, PERIODS_S, angles=36) * sound_periods,
            measures=_measures(traces[few, :2], dt_s),
            coherency=None if pairs is None else _coherency(traces, dt_s, pairs) * sound,
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrueEvent:
    """The true motion of one event at the judged sensors, with everything that predictions are compared with.

    Attributes:
        sample: number of the event.
        sensors: numbers of the judged sensors, x-major.
        traces: velocities in m/s.
        scale: the constant that event-normalised errors are divided by, see `signal.misfit.event_scale`.
        highest_hz: frequency up to which its grid carried the waves; scores end there.
        shown_hz: frequency up to which spectra are kept: infinite where all data of the run are as sound.
        few: positions, among the judged sensors, of those whose response spectra are computed.
        pairs: pairs of judged sensors for each distance bin.
        few_pairs: pairs of the few sensors for each distance bin.
        traits: what the motion is like.
        ensemble: what ensembles are judged by; None in a run of a single realization.
    """

    sample: int
    sensors: Int[np.ndarray, " sensor"]
    traces: Float[np.ndarray, "sensor 3 time"]
    scale: float
    highest_hz: float
    shown_hz: float
    few: Int[np.ndarray, " few"]
    pairs: list[np.ndarray]
    few_pairs: list[np.ndarray]
    traits: Traits
    ensemble: Float[np.ndarray, "quantity few"] | None

    @property
    def peak_velocity(self) -> Float[np.ndarray, " sensor"]:
        """At each judged sensor, m/s."""
        return intensity.peak_norm(self.traces).astype(np.float32)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Verdict:
    """The results of one contender for one event.

    Attributes:
        row: mean scores, their standard errors from the sensors, counts, seconds.
        sensors: each metric at each judged sensor; errors and biases, of which only means over many sensors are made,
            in half precision, so that a test set of three million sensors fits in memory.
        traits: spectra and measures of the prediction.
        variogram: of the residual response spectra, (distance, period).
        stage1_peak_velocity: (sensor,) of the stage 1 that the prediction is made from, in m/s, all components
            together; by it sensors are grouped into deciles.
        ensemble: (realization, quantity, few sensors); None in a run of a single realization.
        field: spatial measures of the whole field; empty where they were not computed.
    """

    row: dict[str, float]
    sensors: dict[str, np.ndarray]
    traits: Traits
    variogram: np.ndarray
    stage1_peak_velocity: np.ndarray
    ensemble: np.ndarray | None = None
    field: Measures = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class JudgedEvent:
    """The results of one event: small arrays of the truth, and one verdict for each contender, in their order.

    Attributes:
        sample: number of the event.
        sensors: numbers of the judged sensors, x-major.
        peak_velocity: of the truth at each of them, m/s.
        truth: traits of the true motion.
        truth_ensemble: (quantity, few sensors) of the truth; None in a run of a single realization.
        highest_hz: frequency up to which the truth is sound.
        truth_field: spatial measures of the whole true field; empty where they were not computed.
        verdicts: on the contenders.
    """

    sample: int
    sensors: Int[np.ndarray, " sensor"]
    peak_velocity: Float[np.ndarray, " sensor"]
    truth: Traits
    truth_ensemble: np.ndarray | None
    highest_hz: float
    truth_field: Measures
    verdicts: list[Verdict]


def judge(
    prediction: Float[np.ndarray, "realization sensor 3 time"],
    stage1_peak_velocity: Float[np.ndarray, " sensor"],
    truth: TrueEvent,
    plan: Plan,
    seconds: float,
) -> Verdict:
    """Compare a prediction with the truth.

    Args:
        prediction: velocities in m/s at the judged sensors.
        stage1_peak_velocity: of the stage 1 that it is made from, at the judged sensors, in m/s.
        truth: of the event.
        plan: sampling and geometry.
        seconds: that the prediction took; NaN where it was read.
    """
    scored = (truth.traces, plan.dt_s, truth.scale, truth.highest_hz)
    draws = [sensor_scores(draw, *scored) for draw in prediction]
    scores = {m: np.mean([d[m] for d in draws], axis=0).astype(np.float32) for m in METRICS}
    row: dict[str, float] = {"sample": truth.sample, "highest_hz": truth.highest_hz}
    for metric, values in scores.items():
        row[metric] = mean(values)
        row[f"{metric}_se"] = stratified_error(values, plan.total_sensors)
    undefined = int(np.isnan(scores["EG"]).sum())
    row |= {"sensors": len(truth.traces), "undefined_sensors": undefined, "seconds": seconds}
    pairs = None if truth.traits.coherency is None else truth.pairs
    traits = Traits.of(prediction[0], plan.dt_s, truth.few, pairs, truth.shown_hz)
    residual = log_ratio(traits.response, truth.traits.response)
    ensemble = None
    if truth.ensemble is not None:
        drawn = [ensemble_quantities(draw[truth.few], plan.dt_s, truth.highest_hz) for draw in prediction]
        ensemble = np.stack(drawn)
    return Verdict(
        row=row,
        sensors={m: _compact(m, values) for m, values in scores.items()},
        traits=traits,
        variogram=np.stack([semivariogram(r, truth.few_pairs) for r in residual.T], axis=1),
        stage1_peak_velocity=stage1_peak_velocity.astype(np.float32),
        ensemble=ensemble,
    )


@dataclasses.dataclass
class Tally:
    """The results of one contender, one item for each event; see `Verdict`.

    Attributes:
        name: of the contender.
        product: "draw" or "mean": what its predictions are.
        rows: mean scores, standard errors, counts, seconds.
        sensors: each metric at each judged sensor.
        traits: what the predictions are like.
        ensemble: in a run with several realizations, what they are judged by.
        variogram: of the residual response spectra.
        stage1_peak_velocity: at the judged sensors.
        fields: spatial measures of whole fields, of the events where they were computed.
    """

    name: str
    product: str = "mean"
    rows: list[dict[str, float]] = dataclasses.field(default_factory=list)
    sensors: list[dict[str, np.ndarray]] = dataclasses.field(default_factory=list)
    traits: list[Traits] = dataclasses.field(default_factory=list)
    ensemble: list[np.ndarray] = dataclasses.field(default_factory=list)
    variogram: list[np.ndarray] = dataclasses.field(default_factory=list)
    stage1_peak_velocity: list[np.ndarray] = dataclasses.field(default_factory=list)
    fields: list[Measures] = dataclasses.field(default_factory=list)

    def add(self, verdict: Verdict) -> None:
        """The verdict on one more event."""
        self.rows.append(verdict.row)
        self.sensors.append(verdict.sensors)
        self.traits.append(verdict.traits)
        self.variogram.append(verdict.variogram)
        self.stage1_peak_velocity.append(verdict.stage1_peak_velocity)
        if verdict.field:
            self.fields.append(verdict.field)
        if verdict.ensemble is not None:
            self.ensemble.append(verdict.ensemble)


def _compact(metric: str, values: np.ndarray) -> np.ndarray:
    if metric in ("EG", "PG"):
        return values
    half = np.finfo(np.float16).max
    return np.clip(values, -half, half).astype(np.float16)


def ensemble_quantities(
    traces: Float[np.ndarray, "sensor 3 time"], dt_s: float, highest_hz: float = math.inf
) -> Float[np.ndarray, "quantity sensor"]:
    """The numbers by which the spread of realizations is judged, in m/s (SA: m/s2); energies as rms velocities.

    `highest_hz` is the frequency up to which the truth is sound: energies end there, and SA of shorter periods is NaN.
    """
    periods_s = np.array([0.3, 1.0])
    response = _response(traces[:, :2], dt_s, periods_s, angles=36)
    response = response * np.where(usable_frequencies(1 / periods_s, (0.0, highest_hz)), 1.0, np.nan)
    energy = np.sqrt((band_rms(traces, dt_s, bands_up_to(highest_hz)) ** 2).mean(axis=1))
    return np.stack([rotd_peak(traces[:, :2], (50.0,), angles=36)[0], *response.T, *energy.T])


def log_ratio(prediction: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """ln(prediction / truth); NaN where either isn't positive."""
    positive = (prediction > 0) & (truth > 0)
    return np.where(positive, np.log(np.where(positive, prediction, 1.0) / np.where(positive, truth, 1.0)), np.nan)


def _response(horizontal: np.ndarray, dt_s: float, periods_s: np.ndarray, angles: int) -> np.ndarray:
    """RotD50 of SA, (sensor, period); NaN for a sensor with a NaN sample."""
    finite = np.isfinite(horizontal).all(axis=(1, 2))
    out = np.full((len(horizontal), len(periods_s)), np.nan)
    if finite.any():
        out[finite] = rotd(horizontal[finite], dt_s, periods_s, (50.0,), oversample=2, angles=angles)[0]
    return out


def _measures(horizontal: np.ndarray, dt_s: float) -> np.ndarray:
    """Geometric means of the two horizontal components, (sensor, measure); NaN for a sensor with a NaN sample."""
    finite = np.isfinite(horizontal).all(axis=(1, 2))
    out = np.full((len(horizontal), len(INTENSITIES)), np.nan)
    if finite.any():
        out[finite] = _measures_of_finite(horizontal[finite], dt_s)
    return out


def _measures_of_finite(horizontal: np.ndarray, dt_s: float) -> np.ndarray:
    each = [
        intensity.peak_acceleration(horizontal, dt_s),
        intensity.peak_velocity(horizontal),
        intensity.peak_displacement(horizontal, dt_s),
        intensity.arias_intensity(horizontal, dt_s),
        intensity.cumulative_absolute_velocity(horizontal, dt_s),
        intensity.significant_duration(horizontal, dt_s),
    ]
    return np.sqrt(np.stack(each, axis=-1).prod(axis=-2))


def can_cohere(samples: int, dt_s: float) -> bool:
    """Whether a record is long and fine enough for coherency above the high-pass corner."""
    return samples // 2 + 1 >= 2 * SMOOTHING_BINS and 0.5 / dt_s > COHERENCY_HIGH_PASS_HZ


def _coherency(traces: np.ndarray, dt_s: float, pairs: list[np.ndarray]) -> np.ndarray:
    # A sensor with a NaN sample has no motion here, and a pair with it no coherency.
    defined = np.where(np.isfinite(traces).all(axis=(1, 2), keepdims=True), traces, 0.0)
    high = high_pass(defined, dt_s, COHERENCY_HIGH_PASS_HZ)
    return coherency_by_distance(np.moveaxis(high, 1, 0).astype(float), pairs)


def _defined_mean(values: np.ndarray) -> np.ndarray:
    with warnings.catch_warnings():
        # A row without a defined sensor becomes NaN, as it should.
        warnings.filterwarnings("ignore", message="Mean of empty slice", category=RuntimeWarning)
        return np.nanmean(values, axis=0)
