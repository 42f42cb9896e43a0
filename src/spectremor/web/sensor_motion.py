"""The motion at one sensor: seismograms, spectra with their scatter over draws, and measures."""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float

from spectremor.exchange.quantities import Quantity
from spectremor.signal.calculus import derivative, integral
from spectremor.signal.intensity import STANDARD_GRAVITY_M_S2, arias_intensity, significant_duration
from spectremor.signal.response import rotd, rotd_peak, usable_frequencies
from spectremor.signal.spectra import amplitude_spectrum, frequencies, konno_ohmachi
from spectremor.web.jobs import Job
from spectremor.web.scene import Scene

#: Units on the page, and the factors from SI units to them.
UNITS: dict[str, tuple[str, float]] = {
    "velocity": ("cm/s", 100.0),
    "acceleration": ("m/s²", 1.0),
    "displacement": ("cm", 100.0),
}
#: Units of the Fourier amplitude of each quantity.
SPECTRUM_UNITS = {"velocity": "cm", "acceleration": "m/s", "displacement": "cm s"}
PERIODS = 28
_BAND = (16.0, 50.0, 84.0)
#: Number of sensors of a scene whose motion is kept in memory.
_CACHE_SIZE = 16


@dataclasses.dataclass(frozen=True)
class Curves:
    """Spectra of one kind, of every draw and of stage 1.

    Attributes:
        x: frequencies in Hz or periods in s.
        draws: one curve for each draw.
        stage1: curve of stage 1; None without stage 1.
        usable: which of `x` lie in the wavefield's usable band.
    """

    x: Float[np.ndarray, " n"]
    draws: Float[np.ndarray, "draw n"]
    stage1: Float[np.ndarray, " n"] | None
    usable: np.ndarray

    @property
    def band(self) -> Float[np.ndarray, "3 n"]:
        """16th percentile, median and 84th percentile over the draws."""
        return np.percentile(self.draws, _BAND, axis=0)


@dataclasses.dataclass(frozen=True)
class Row:
    """One measure at the sensor.

    Attributes:
        name: name of the measure.
        unit: of its values.
        draws: one value for each draw.
        stage1: value of stage 1; None without stage 1.
    """

    name: str
    unit: str
    draws: Float[np.ndarray, " draw"]
    stage1: float | None


@dataclasses.dataclass(frozen=True)
class SensorMotion:
    """Everything that the page shows for one sensor.

    Attributes:
        time_s: times of the seismograms.
        traces: seismograms of every draw, in the quantity's unit on the page.
        stage1: seismograms of stage 1; None without stage 1.
        fourier: effective amplitude spectra of the quantity, smoothed.
        response: RotD50 of the pseudo-spectral acceleration at 5% damping, in g.
        rows: measures.
    """

    time_s: Float[np.ndarray, " time"]
    traces: Float[np.ndarray, "draw 3 time"]
    stage1: Float[np.ndarray, "3 time"] | None
    fourier: Curves
    response: Curves
    rows: list[Row]

    @classmethod
    def of(cls, scene: Scene, sensor: int, quantity: Quantity, job: Job | None = None) -> SensorMotion:
        """The motion at a sensor; the scene caches the last ones.

        Args:
            scene: the wavefield.
            sensor: index of the sensor.
            quantity: quantity of seismograms and Fourier spectra.
            job: the job that needs it; it may be cancelled.

        Raises:
            JobCancelledError: the job was cancelled.
        """
        cache, key = scene.sensor_motions, (sensor, quantity)
        if key not in cache:
            motion = cls._measured(scene, sensor, quantity, job or Job())
            while len(cache) >= _CACHE_SIZE:
                cache.pop(next(iter(cache)), None)
            cache[key] = motion
        return cache[key]

    @classmethod
    def cached(cls, scene: Scene, sensor: int, quantity: Quantity) -> SensorMotion | None:
        """The motion at a sensor if it is in the cache; else None."""
        return scene.sensor_motions.get((sensor, quantity))

    @classmethod
    def _measured(cls, scene: Scene, sensor: int, quantity: Quantity, job: Job) -> SensorMotion:
        job.report(0.0)
        velocity = scene.traces_m_s[:, :, sensor].astype(float)
        stage1 = scene.stage1_traces_m_s(sensor)
        has_stage1 = stage1 is not None
        # Stage 1 is appended as one more draw, so that it goes through the same steps, and is split off again.
        both = velocity if stage1 is None else np.concatenate([velocity, stage1[None].astype(float)])
        motion = _as(quantity, both, scene.step_s) * UNITS[quantity][1]
        response = _response(scene, both, has_stage1, job)
        job.report(0.8)
        return cls(
            time_s=scene.time_s,
            traces=motion[: len(velocity)],
            stage1=motion[-1] if has_stage1 else None,
            fourier=_fourier(scene, motion, has_stage1),
            response=response,
            rows=_rows(both, scene.step_s, has_stage1),
        )


def _as(quantity: Quantity, velocity: np.ndarray, step_s: float) -> np.ndarray:
    if quantity == "velocity":
        return velocity
    return derivative(velocity, step_s) if quantity == "acceleration" else integral(velocity, step_s)


def _band_hz(scene: Scene) -> tuple[float, float]:
    return 0.0, min(scene.band_high_hz or np.inf, 0.5 / scene.step_s)


def _split(curves: np.ndarray, has_stage1: bool) -> tuple[np.ndarray, np.ndarray | None]:
    """Curves of the draws, and that of stage 1, which is the last one if there is a stage 1."""
    return (curves[:-1], curves[-1]) if has_stage1 else (curves, None)


def _fourier(scene: Scene, motion: np.ndarray, has_stage1: bool) -> Curves:
    """Root mean square of the two horizontal amplitudes (effective amplitude spectrum), smoothed."""
    frequency = frequencies(motion.shape[-1], scene.step_s)
    horizontal = amplitude_spectrum(motion[:, :2], scene.step_s)
    effective = np.sqrt((horizontal**2).mean(axis=1))
    smooth = konno_ohmachi(effective, frequency)
    usable = usable_frequencies(frequency[1:], _band_hz(scene), _duration_s(scene))
    return Curves(frequency[1:], *_split(smooth[:, 1:], has_stage1), usable)


def _response(scene: Scene, velocity: np.ndarray, has_stage1: bool, job: Job) -> Curves:
    shortest = max(0.05, 1 / (2 * _band_hz(scene)[1]))
    longest = max(2 * shortest, min(10.0, _duration_s(scene)))
    periods = np.geomspace(shortest, longest, PERIODS)
    spectra = np.empty((len(velocity), len(periods)))
    for number, horizontal in enumerate(velocity[:, :2]):
        # Draw by draw, so that a cancelled job stops after at most one draw.
        job.report(0.8 * number / len(velocity))
        spectra[number] = rotd(horizontal, scene.step_s, periods, (50.0,))[0] / STANDARD_GRAVITY_M_S2
    usable = usable_frequencies(1 / periods, _band_hz(scene), _duration_s(scene))
    return Curves(periods, *_split(spectra, has_stage1), usable)


def _rows(velocity: np.ndarray, step_s: float, has_stage1: bool) -> list[Row]:
    horizontal = velocity[:, :2]
    g = STANDARD_GRAVITY_M_S2
    measures = {
        "PGA": ("g", rotd_peak(derivative(horizontal, step_s), (50.0,))[0] / g),
        "PGV": ("cm/s", rotd_peak(horizontal, (50.0,))[0] * 100),
        "PGD": ("cm", rotd_peak(integral(horizontal, step_s), (50.0,))[0] * 100),
    }
    periods = (0.3, 1.0)
    spectra = rotd(horizontal, step_s, np.array(periods), (50.0,))[0] / g
    measures |= {f"SA({t:g} s)": ("g", spectra[:, k]) for k, t in enumerate(periods)}
    measures["Arias intensity"] = ("cm/s", arias_intensity(horizontal, step_s).mean(axis=1) * 100)
    measures["Duration, 5–95%"] = ("s", significant_duration(horizontal, step_s).mean(axis=1))
    rows = []
    for name, (unit, values) in measures.items():
        draws = values[:-1] if has_stage1 else values
        rows.append(Row(name, unit, draws, float(values[-1]) if has_stage1 else None))
    return rows


def _duration_s(scene: Scene) -> float:
    return float(scene.time_s[-1] - scene.time_s[0])
