"""Ground motion by simulation: geology and source in, wavefield at the surface out."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable, Sequence
from importlib.metadata import version

import numpy as np
import xarray as xr

from spectremor.core.axes import time_axis_s
from spectremor.core.errors import InputError, InputWarning
from spectremor.core.geology import Geology, as_geology
from spectremor.core.recording import Sensors
from spectremor.core.source import Source
from spectremor.core.wavefield import label_motion
from spectremor.signal.attenuation import attenuate
from spectremor.simulation import propagator
from spectremor.simulation.grid import lay_grid
from spectremor.simulation.memory import check_run_memory
from spectremor.simulation.point_source import check_position, forces
from spectremor.simulation.propagator import Case
from spectremor.simulation.sensors import Positions, parse_sensors, receivers, sensor_positions_m
from spectremor.simulation.time_axis import (
    HIGHEST_SAMPLING_HZ,
    LONGEST_S,
    output_samples,
    run_samples,
    time_operator,
)

#: Raised whenever a change alters the numbers that come out.
SOLVER_VERSION = 4
#: Order of the Butterworth low-pass, applied forward and backward.
LOWPASS_ORDER = 4
#: Cases in one call to the propagator: a processor core gains nothing from more than one.
DEFAULT_BATCH = {"cpu": 1, "cuda": 8}
#: Shortest time step as a share of the largest stable one: far below any use.
_SHORTEST_STEP = 1e-6


def simulate(
    geology: Geology | xr.DataArray | xr.Dataset,
    source: Source,
    *,
    grid_spacing_m: float = 150.0,
    duration_s: float = 8.0,
    sensors_m: Positions | None = None,
    stations_m: Positions | None = None,
    sampling_hz: float = 50.0,
    lowpass_hz: float = 5.0,
    order: int = 8,
    time_step_s: float | None = None,
    attenuation: bool = True,
    device: str = "cpu",
) -> xr.DataArray:
    """Ground velocity at the free surface, by 3D elastic finite differences.

    Isotropic; density, P-wave speed and Q follow from Vs (`core.medium`) where the geology does not give them. Free
    surface on top, absorbing layers on the sides and at the bottom. Attenuation is averaged along each sensor's path
    and applied to the elastic motion (`signal.attenuation`). Times are exact by construction; no constant is fitted.

    Args:
        geology: the ground, linear between its nodes; or what `as_geology` makes one of.
        source: the earthquake, at any position inside the domain.
        grid_spacing_m: must divide the three sides of the domain.
        duration_s: output times are 0, 1/sampling_hz, ... below this.
        sensors_m: positions (x_m, y_m) in m along East and North; None is 32 x 32, the
            outermost half a spacing from the sides: from 150 m to 9450 m in a domain of 9600 m.
        stations_m: instead of a grid, the positions (x_m, y_m) of stations one by one, anywhere in the domain.
        sampling_hz: of the output.
        lowpass_hz: corner of the order-4 Butterworth filter, applied forward and backward.
        order: order of accuracy in space: 2, 4, 6 or 8.
        time_step_s: of the run; None takes 95% of the largest stable one.
        attenuation: whether waves lose energy; the geology's speeds then hold at the frequency `lowpass_hz`.
        device: "cpu" or "cuda".

    Returns:
        Wavefield `velocity` (component, x, y, time) in m/s, or (component, station, time) of a list of stations;
        attributes name the usable band, the grid and the source.

    Raises:
        InputError: what cannot be simulated, with the values that can.

    Warns:
        InputWarning: the low-pass lets through frequencies that the grid does not carry accurately.
    """
    return simulate_many(
        [geology],
        [source],
        grid_spacing_m=grid_spacing_m,
        duration_s=duration_s,
        sensors_m=sensors_m,
        stations_m=stations_m,
        sampling_hz=sampling_hz,
        lowpass_hz=lowpass_hz,
        order=order,
        time_step_s=time_step_s,
        attenuation=attenuation,
        device=device,
    )[0]


def simulate_many(
    geologies: Sequence[Geology | xr.DataArray | xr.Dataset],
    sources: Sequence[Source],
    *,
    grid_spacing_m: float = 150.0,
    duration_s: float = 8.0,
    sensors_m: Positions | None = None,
    stations_m: Positions | None = None,
    sampling_hz: float = 50.0,
    lowpass_hz: float = 5.0,
    order: int = 8,
    time_step_s: float | None = None,
    attenuation: bool = True,
    device: str = "cpu",
    batch_size: int | None = None,
    on_done: Callable[[int], None] | None = None,
) -> list[xr.DataArray]:
    """Simulate many cases; one geology may serve all sources.

    A case's result does not depend on the others: only cases whose grid, time step, length and numbers of nodes agree
    share a call.

    Args:
        geologies: as many as `sources`, or one for all.
        sources: the earthquakes.
        grid_spacing_m: this and the rest up to `device` as in `simulate`.
        duration_s: see `simulate`.
        sensors_m: see `simulate`.
        stations_m: see `simulate`.
        sampling_hz: see `simulate`.
        lowpass_hz: see `simulate`.
        order: see `simulate`.
        time_step_s: see `simulate`.
        attenuation: see `simulate`.
        device: see `simulate`.
        batch_size: cases in one call to the propagator; None is 1 on "cpu", 8 on "cuda".
        on_done: called with the index of each finished case.

    Returns:
        One wavefield a case, in order.
    """
    if len(geologies) not in (1, len(sources)) or not sources:
        raise InputError("geologies", f"{len(geologies)} for {len(sources)} sources", "one, or one for each source")
    _check_output(duration_s, sampling_hz, lowpass_hz)
    check_device(device)
    geologies = [as_geology(g) for g in geologies] * (len(sources) if len(geologies) == 1 else 1)
    sensors = [parse_sensors(sensors_m, stations_m, g) for g in geologies]
    samples = output_samples(duration_s, sampling_hz)
    results: dict[int, xr.DataArray] = {}

    def finish(batch: list[tuple[int, Case]]) -> None:
        times = time_axis_s(samples, sampling_hz)
        # Before the run: what this machine cannot hold fails at once.
        operators = _operators([c for _, c in batch], times, lowpass_hz)
        for (i, case), traces in zip(batch, propagator.propagate([c for _, c in batch], device), strict=True):
            motion = case.receivers(traces)
            # One product: a stack of small ones waits for threads more than it computes.
            flat = motion.reshape(-1, motion.shape[-1]) @ operators[case.source.rise_time_s]
            velocity = flat.reshape(*motion.shape[:-1], -1)
            if attenuation:
                positions_m = sensor_positions_m(sensors[i])
                velocity = attenuate(velocity, times, geologies[i], case.source, positions_m, lowpass_hz)
            results[i] = _label(velocity, case, sensors[i], times, lowpass_hz, attenuation)
            if on_done is not None:
                on_done(i)

    waiting: dict[tuple, list[tuple[int, Case]]] = {}
    for i, (geology, source) in enumerate(zip(geologies, sources, strict=True)):
        length = functools.partial(run_samples, (samples - 1) / sampling_hz, lowpass_hz=lowpass_hz)
        case = _prepare(geology, source, sensors[i], grid_spacing_m, order, length, time_step_s)
        _check_memory(case, samples, "duration_s" if time_step_s is None else "time_step_s")
        _check_band(case, lowpass_hz)
        batch = waiting.setdefault((case.grid, case.dt_s, case.n_samples, _nodes(case)), [])
        batch.append((i, case))
        if len(batch) == (batch_size or DEFAULT_BATCH[device]):
            finish(batch)
            batch.clear()
    for batch in waiting.values():
        if batch:
            finish(batch)
    return [results[i] for i in range(len(sources))]


def _prepare(
    geology: Geology,
    source: Source,
    sensors: Sensors,
    spacing_m: float,
    order: int,
    length: Callable[[float], int],
    time_step_s: float | None,
) -> Case:
    grid, medium = lay_grid(geology, source, spacing_m, order)
    check_position(source, geology, spacing_m)
    critical = grid.critical_time_step_s(propagator.stability_speed_m_s(medium))
    shortest = _SHORTEST_STEP * critical
    if time_step_s is not None and not shortest <= time_step_s <= critical:
        allowed = f"[{shortest:.3g}, {critical:.3g}] s, stable on this grid"
        raise InputError("time_step_s", f"{time_step_s:g} s", allowed)
    dt_s = time_step_s or propagator.STABLE_SHARE * critical
    return Case(
        grid=grid,
        medium=medium,
        source=source,
        forces=forces(source, grid),
        receivers=receivers(sensors, grid),
        dt_s=dt_s,
        n_samples=length(dt_s),
    )


def _nodes(case: Case) -> tuple[int, ...]:
    """Numbers of nodes with forces and with records: shallow sources, and those at the sides, have fewer."""
    driven = [len(f.nodes) for f in case.forces.values()]
    return *driven, *(len(nodes) for nodes in case.receivers.nodes.values())


def _check_memory(case: Case, samples: int, field: str) -> None:
    check_run_memory(
        field,
        cells=math.prod(case.grid.shape),
        dt_s=case.dt_s,
        samples=case.n_samples,
        traces=sum(_nodes(case)),
        outputs=samples,
    )


def _operators(cases: list[Case], times: np.ndarray, lowpass_hz: float) -> dict[float, np.ndarray]:
    """From the samples of these cases, whose runs have one length, to motion at `times`: by rise time."""

    def operator(rise_time_s: float) -> np.ndarray:
        first = cases[0]
        return time_operator(
            times,
            first.n_samples,
            first.dt_s,
            rise_time_s=rise_time_s,
            lowpass_hz=lowpass_hz,
            lowpass_order=LOWPASS_ORDER,
        ).T.astype(np.float32)

    return {rise_time_s: operator(rise_time_s) for rise_time_s in {c.source.rise_time_s for c in cases}}


def _label(
    velocity: np.ndarray, case: Case, sensors: Sensors, times: np.ndarray, lowpass_hz: float, attenuation: bool
) -> xr.DataArray:
    carried = case.grid.highest_frequency_hz(case.medium.vs_m_s)
    attrs = {
        "solver": f"spectremor {SOLVER_VERSION} on deepwave {version('deepwave')}",
        "solver_version": SOLVER_VERSION,
        "grid_spacing_m": case.grid.spacing_m,
        "order": case.grid.order,
        "time_step_s": case.dt_s,
        "lowpass_hz": lowpass_hz,
        "attenuation": f"path average, speeds at {lowpass_hz:g} Hz" if attenuation else "none",
    }
    return label_motion(
        velocity,
        sensors,
        time_s=times,
        source=case.source,
        band_hz=(0.0, min(lowpass_hz, carried)),
        attrs=attrs,
    )


def _check_band(case: Case, lowpass_hz: float) -> None:
    carried = case.grid.highest_frequency_hz(case.medium.vs_m_s)
    nyquist = float(case.medium.vs_m_s.max()) / (2 * case.grid.spacing_m)
    if lowpass_hz > nyquist:
        raise InputError("lowpass_hz", f"{lowpass_hz:g} Hz", f"(0, {nyquist:.3g}] Hz: two points per shear wavelength")
    if lowpass_hz > carried:
        finer = case.grid.spacing_m * carried / lowpass_hz
        warnings.warn(
            f"grid_spacing_m: {case.grid.spacing_m:g} m carries shear waves accurately up to {carried:.2g} Hz in the "
            f"slowest ground here, and the low-pass lets {lowpass_hz:g} Hz through: take {finer:.3g} m or less for all",
            InputWarning,
            stacklevel=4,
        )


def _check_output(duration_s: float, sampling_hz: float, lowpass_hz: float) -> None:
    if not 0 < sampling_hz <= HIGHEST_SAMPLING_HZ:
        allowed = f"a positive number of samples per second, at most {HIGHEST_SAMPLING_HZ:g}"
        raise InputError("sampling_hz", sampling_hz, allowed)
    if not 0 < duration_s <= LONGEST_S or output_samples(duration_s, sampling_hz) < 2:
        raise InputError("duration_s", duration_s, f"({1 / sampling_hz:g}, {LONGEST_S:g}] s: at least two samples")
    if not (math.isfinite(lowpass_hz) and 0 < lowpass_hz <= sampling_hz / 2):
        raise InputError("lowpass_hz", lowpass_hz, f"(0, {sampling_hz / 2:g}] Hz, half the sampling rate")


def check_device(device: str, *, field: str = "device", elsewhere: bool = False) -> None:
    """Refuse a device that is not one, or that this machine lacks.

    Args:
        device: "cpu" or "cuda".
        field: the name that the error carries.
        elsewhere: it is another machine's, of which nothing is known here.

    Raises:
        InputError: says which there are.
    """
    import torch

    if device not in DEFAULT_BATCH:
        raise InputError(field, device, "cpu or cuda")
    if device == "cuda" and not elsewhere and not torch.cuda.is_available():
        raise InputError(field, device, "cpu: this machine has no usable CUDA device")
