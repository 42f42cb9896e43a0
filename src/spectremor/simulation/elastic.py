"""Ground motion by simulation: geology and source in, wavefield at the surface out."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float32

from spectremor.core.axes import HEMEW_BAND_HZ
from spectremor.core.corner import in_ground
from spectremor.core.errors import InputError, InputWarning
from spectremor.core.geology import Geology, as_geology
from spectremor.core.q_law import QLaw, q_law_of, with_q_law
from spectremor.core.recording import Recording, Sensors, Stations
from spectremor.core.rigidity import rock_at
from spectremor.core.rupture import Rupture
from spectremor.core.source import Source
from spectremor.core.wavefield import label_motion
from spectremor.signal.attenuation import attenuate
from spectremor.signal.dispersion import DifferenceScheme, remove_grid_dispersion
from spectremor.simulation import propagator
from spectremor.simulation.grid import Grid, GridPart, check_origin, lay_grid
from spectremor.simulation.medium import Medium
from spectremor.simulation.memory import check_run_memory
from spectremor.simulation.plan import Plan, check_frequency, domain_box, make_plan, part_box
from spectremor.simulation.point_source import check_position, check_rupture, forces, rupture_forces
from spectremor.simulation.propagator import ShotSetup
from spectremor.simulation.reach import wave_reach
from spectremor.simulation.rupture_drive import BASE_RISE_TIME_S, rupture_drive
from spectremor.simulation.sensors import Positions, parse_sensors, sensor_positions_m
from spectremor.simulation.settings import (
    DEFAULT_BATCH,
    SOLVER_VERSION,
    STABLE_SHARE,
    SimulationSettings,
)
from spectremor.simulation.surface import surface_receivers
from spectremor.simulation.time_axis import (
    HIGHEST_SAMPLING_HZ,
    LONGEST_S,
    output_samples,
    run_samples,
    time_operator,
)
from spectremor.simulation.version3 import lay_version3_grid

#: Default spacing of the grid in m.
DEFAULT_SPACING_M = 150.0
#: Order of the Butterworth low-pass, applied forward and backward.
LOWPASS_ORDER = 4
#: Shortest allowed time step as a share of the largest stable one: far below any use.
_SHORTEST_STEP = 1e-6


def simulate(
    geology: Geology | xr.DataArray | xr.Dataset,
    source: Source | Rupture,
    *,
    grid_spacing_m: float | None = None,
    max_frequency_hz: float | None = None,
    duration_s: float = 8.0,
    sensors_m: Positions | None = None,
    stations: Stations | None = None,
    stations_m: Positions | None = None,
    sampling_hz: float = 50.0,
    lowpass_hz: float | None = None,
    order: int = 8,
    time_step_s: float | None = None,
    attenuation: bool = True,
    q_exponent: float | None = None,
    q_reference_hz: float | None = None,
    remove_dispersion: bool = True,
    device: str = "cpu",
    on_plan: Callable[[Plan], None] | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> xr.DataArray:
    """Ground velocity at the free surface, by 3D elastic finite differences.

    Isotropic; density, P-wave speed and Q follow from Vs (`core.medium`) where the geology does not give them. Free
    surface on top, absorbing layers on the sides and at the bottom. Attenuation is averaged along each sensor's path
    and applied to the elastic motion (`signal.attenuation`), from which the delay of waves on the grid is removed in
    the same way (`signal.dispersion`). Times are exact by construction; no constant is fitted.

    Args:
        geology: the ground, linear between its nodes; or an object that `as_geology` converts to a geology.
        source: the earthquake, a point or a rupture, at any position inside the domain. All points of a rupture are in
            one run. Its attenuation is that along paths from its centroid, for waves that start at the mean start of
            its points.
        grid_spacing_m: must divide the three sides of the domain; None: 150 m, or the spacing for `max_frequency_hz`.
        max_frequency_hz: instead of a spacing: the grid has 6 points per wavelength of the slowest shear waves at this
            frequency, and covers the part of the domain through which waves can reach a sensor within the record; the
            rest of the domain is left out.
        duration_s: output times are 0, 1/sampling_hz, ... below this.
        sensors_m: positions (x_m, y_m) in m along East and North; None is 32 x 32, the
            outermost half a spacing from the sides: from 150 m to 9450 m in a domain of 9600 m.
        stations: instead of a grid, stations with names anywhere in the domain, at the surface or below it
            (`read_stations`).
        stations_m: stations without names, as positions (x_m, y_m); their names are then 0, 1, ...
        sampling_hz: sampling rate of the output.
        lowpass_hz: corner of the order-4 Butterworth filter, applied forward and backward; None: `max_frequency_hz`, or
            5 Hz.
        order: order of accuracy in space: 2, 4, 6 or 8.
        time_step_s: time step of the run; None: 95% of the largest stable one.
        attenuation: whether waves lose energy; the geology's speeds then hold at the frequency `lowpass_hz`.
        q_exponent: g of quality factors that grow with frequency, Q = Q0 (f / f0)^g; None: that of the geology's
            attributes, or a constant Q.
        q_reference_hz: f0, at which the geology's quality factors hold; None: 1 Hz.
        remove_dispersion: whether the delay of waves on the grid is removed along their paths.
        device: "cpu" or "cuda".
        on_plan: called before the run with the plan for `max_frequency_hz`: the grid, its memory and its steps.
        on_progress: called from time to time with the share of the run that is done.

    Returns:
        Wavefield `velocity` (component, x, y, time) in m/s, or (component, station, time) of a list of stations;
        attributes name the usable band, the grid, the source, and the earliest time at which waves from the absorbing
        sides and bottom could show at a sensor (`absorbing_sides_from_s`).

    Raises:
        InputError: a value that cannot be simulated; the message names the allowed ones.

    Warns:
        InputWarning: the low-pass lets through frequencies that the grid does not carry accurately, or at which the
            motion shows the distance between the points of a rupture.

    Example:
        >>> import numpy as np
        >>> import spectremor as sp
        >>> ground = sp.make_geology(np.full((9, 9, 9), 3000.0), (2400, 2400, 2400))
        >>> source = sp.Source.from_angles(position_m=(1200, 1200, -900), strike_deg=0, dip_deg=90, rake_deg=0, mw=4)
        >>> sensors_m = (np.array([600.0, 1800.0]), np.array([1200.0]))
        >>> field = sp.simulate(ground, source, grid_spacing_m=150, duration_s=1, sensors_m=sensors_m)
        >>> field.sizes["time"], field.attrs["units"]
        (50, 'm/s')
    """
    ground = as_geology(geology)
    if q_exponent is not None:
        ground = with_q_law(ground, QLaw(q_exponent, 1.0 if q_reference_hz is None else q_reference_hz))
    elif q_reference_hz is not None:
        raise InputError("q_reference_hz", q_reference_hz, "nothing without q_exponent")
    if grid_spacing_m is not None and max_frequency_hz is not None:
        raise InputError("max_frequency_hz", f"{max_frequency_hz:g} Hz and a spacing of the grid", "one of the two")
    if max_frequency_hz is not None:
        check_frequency(max_frequency_hz)
    lowpass_field = "lowpass_hz" if lowpass_hz is not None or max_frequency_hz is None else "max_frequency_hz"
    if lowpass_hz is None:
        lowpass_hz = HEMEW_BAND_HZ if max_frequency_hz is None else max_frequency_hz
    _check_output(duration_s, sampling_hz, lowpass_hz, lowpass_field)
    recording = Recording(
        sensors=parse_sensors(sensors_m, stations, stations_m, ground),
        samples=output_samples(duration_s, sampling_hz),
        sampling_hz=sampling_hz,
        lowpass_hz=lowpass_hz,
    )
    settings = SimulationSettings(
        grid_spacing_m=DEFAULT_SPACING_M if grid_spacing_m is None else grid_spacing_m,
        order=order,
        time_step_s=time_step_s,
        attenuation=attenuation,
        remove_dispersion=remove_dispersion,
        device=device,
    )
    check_origin(ground)
    source.check_inside(ground.extent_m)
    reach = wave_reach(ground, source, recording.sensors.points_m())
    part, box = None, domain_box(ground)
    if max_frequency_hz is not None:
        plan = make_plan(ground, source, recording, settings, reach, max_frequency_hz)
        if on_plan is not None:
            on_plan(plan)
        settings = dataclasses.replace(settings, grid_spacing_m=plan.spacing_m)
        part, box = plan.part, part_box(plan.part, plan.spacing_m)
    _check_apart(source, recording.sensors, settings.grid_spacing_m)
    (field,) = simulate_many([ground], [source], recording, settings, part=part, on_progress=on_progress)
    return field.assign_attrs(absorbing_sides_from_s=reach.sides_s(box))


def simulate_many(
    geologies: Sequence[Geology],
    sources: Sequence[Source | Rupture],
    recording: Recording,
    settings: SimulationSettings,
    *,
    part: GridPart | None = None,
    batch_size: int | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> list[xr.DataArray]:
    """Simulate many shots; one geology may serve all sources.

    A shot's result does not depend on the others: only shots whose grid, time step, length and numbers of nodes agree
    share a call.

    Args:
        geologies: as many as `sources`, or one for all.
        sources: the earthquakes.
        recording: where and when motion is recorded, in all geologies alike.
        settings: how the motion is computed.
        part: part of the domain that is simulated; None: all of it.
        batch_size: shots in one call to the propagator; None is 1 on "cpu", 8 on "cuda".
        on_progress: called from time to time with the share of the present call to the propagator that is done.

    Returns:
        One wavefield per shot, in order.

    Raises:
        InputError: as `simulate`, or other numbers of geologies and sources.
    """
    if len(geologies) not in (1, len(sources)) or not sources:
        raise InputError("geologies", f"{len(geologies)} for {len(sources)} sources", "one, or one for each source")
    geologies = list(geologies) * (len(sources) if len(geologies) == 1 else 1)
    results: dict[int, xr.DataArray] = {}

    def run(shots: list[ShotSetup]) -> list[np.ndarray]:
        return _run(shots, recording, settings, on_progress)

    def finish(batch: list[tuple[int, ShotSetup]]) -> None:
        for (i, shot), velocity in zip(batch, run([shot for _, shot in batch]), strict=True):
            corrected = _along_paths(velocity, geologies[i], shot, recording, settings)
            results[i] = _label(corrected, shot, geologies[i], recording, settings)

    waiting: dict[tuple, list[tuple[int, ShotSetup]]] = {}
    for i, (geology, source) in enumerate(zip(geologies, sources, strict=True)):
        shot = _prepare(geology, in_ground(source, geology), recording, settings, part)
        _check_memory(shot, recording, settings)
        _check_band(shot, recording.lowpass_hz)
        batch = waiting.setdefault((shot.grid, shot.dt_s, shot.n_samples, shot.lead, _nodes(shot)), [])
        batch.append((i, shot))
        if len(batch) == (batch_size or DEFAULT_BATCH[settings.device]):
            finish(batch)
            batch.clear()
    for batch in waiting.values():
        if batch:
            finish(batch)
    return [results[i] for i in range(len(sources))]


def _prepare(
    geology: Geology,
    earthquake: Source | Rupture,
    recording: Recording,
    settings: SimulationSettings,
    part: GridPart | None,
) -> ShotSetup:
    rupture, source, deepest = _parsed(earthquake, geology, settings.grid_spacing_m)
    deepest = _as_deep_as(deepest, recording.sensors)
    if settings.solver_version == SOLVER_VERSION:
        grid, medium = lay_grid(geology, deepest, settings.grid_spacing_m, settings.order, part)
    else:
        grid, medium = lay_version3_grid(geology, deepest, settings.grid_spacing_m, settings.order)
    if rupture is None:
        check_position(source, geology, settings.grid_spacing_m)
    dt_s = _time_step_s(grid, medium, settings)
    last_s = (recording.samples - 1) / recording.sampling_hz
    n_samples = run_samples(last_s, dt_s, recording.lowpass_hz)
    if rupture is not None:
        _check_spacing(rupture, geology, recording.lowpass_hz)
    return ShotSetup(
        grid=grid,
        medium=medium,
        source=source,
        forces=forces(source, grid) if rupture is None else rupture_forces(rupture, grid),
        receivers=surface_receivers(recording.sensors, grid, medium),
        dt_s=dt_s,
        n_samples=n_samples,
        drive=None if rupture is None else rupture_drive(rupture, dt_s, n_samples, recording.lowpass_hz),
    )


def _parsed(earthquake: Source | Rupture, geology: Geology, spacing_m: float) -> tuple[Rupture | None, Source, Source]:
    """The rupture (None for a point source), a point source in its place, and another one at its deepest point."""
    if isinstance(earthquake, Source):
        return None, earthquake, earthquake
    point = earthquake.as_source()
    if point is not None:
        return None, point, point
    check_rupture(earthquake, geology, spacing_m)
    rupture = earthquake.with_rigidity(geology)
    # As late as the rupture: the moment rate of a point source has its centroid 2 tau after its start.
    point = rupture.as_point(rise_time_s=max(rupture.centroid_s / 2, 1e-3))
    x, y, _ = point.position_m
    return rupture, point, dataclasses.replace(point, position_m=(x, y, rupture.deepest_m))


def _as_deep_as(source: Source, sensors: Sensors) -> Source:
    """The source, moved down to the deepest sensor where that is deeper."""
    x, y, z = source.position_m
    return dataclasses.replace(source, position_m=(x, y, min(z, float(sensors.points_m()[:, 2].min()))))


def _check_apart(earthquake: Source | Rupture, sensors: Sensors, spacing_m: float) -> None:
    """Refuse a sensor so close to a point of the earthquake that the grid does not tell them apart."""
    if not sensors.points_m()[:, 2].any():
        return  # a source is at least one cell deep
    from scipy.spatial import cKDTree

    points = [earthquake.position_m] if isinstance(earthquake, Source) else earthquake.position_m
    distance_m, _ = cKDTree(np.asarray(points)).query(sensors.points_m())
    nearest = int(np.argmin(distance_m))
    if distance_m[nearest] < spacing_m:
        name = sensors.names[nearest] if isinstance(sensors, Stations) else str(nearest)
        allowed = f"at least one cell of {spacing_m:g} m"
        raise InputError(f"stations.{name}", f"{distance_m[nearest]:.3g} m from the source", allowed)


def _time_step_s(grid: Grid, medium: Medium, settings: SimulationSettings) -> float:
    critical = grid.critical_time_step_s(propagator.stability_speed_m_s(medium))
    shortest, time_step_s = _SHORTEST_STEP * critical, settings.time_step_s
    if time_step_s is not None and not shortest <= time_step_s <= critical:
        allowed = f"[{shortest:.3g}, {critical:.3g}] s, stable on this grid"
        raise InputError("time_step_s", f"{time_step_s:g} s", allowed)
    return time_step_s or STABLE_SHARE * critical


def _run(
    shots: Sequence[ShotSetup],
    recording: Recording,
    settings: SimulationSettings,
    on_progress: Callable[[float], None] | None,
) -> list[Float32[np.ndarray, "3 *sensors time"]]:
    """Motion in ground without attenuation, of shots that share a call to the propagator."""
    # Made before the run, so that too little memory is noticed at once.
    operators = _operators(shots, recording)
    motions = []
    for shot, traces in zip(shots, propagator.propagate(shots, settings.device, on_progress), strict=True):
        motion = shot.receivers(traces)
        # One matrix product: many small ones would mostly wait for threads.
        flat = motion.reshape(-1, motion.shape[-1]) @ operators[_driving_rise_time_s(shot)]
        motions.append(flat.reshape(*motion.shape[:-1], -1))
    return motions


def _along_paths(
    velocity: Float32[np.ndarray, "3 *sensors time"],
    geology: Geology,
    shot: ShotSetup,
    recording: Recording,
    settings: SimulationSettings,
) -> Float32[np.ndarray, "3 *sensors time"]:
    """Simulated motion after the corrections along the waves' paths: removal of the grid's delay, and attenuation."""
    time_s = recording.time_s - (0.0 if shot.drive is None else shot.drive.mean_start_s)
    event = (time_s, geology, shot.source, sensor_positions_m(recording.sensors))
    if settings.removes_dispersion:
        scheme = DifferenceScheme(shot.grid.spacing_m, shot.grid.order)
        velocity = remove_grid_dispersion(velocity, *event, scheme, recording.lowpass_hz)
    if settings.attenuation:
        velocity = attenuate(velocity, *event, recording.lowpass_hz)
    return velocity


def _nodes(shot: ShotSetup) -> tuple[int, ...]:
    """Numbers of nodes with forces and of recorded nodes: shallow sources, and those at the sides, have fewer."""
    driven = [len(f.nodes) for f in shot.forces.values()]
    return *driven, *(len(nodes) for nodes in shot.receivers.nodes.values())


def _check_memory(shot: ShotSetup, recording: Recording, settings: SimulationSettings) -> None:
    check_run_memory(
        "duration_s" if settings.time_step_s is None else "time_step_s",
        cells=math.prod(shot.grid.shape),
        dt_s=shot.dt_s,
        samples=shot.lead + shot.n_samples,
        traces=sum(_nodes(shot)) + (0 if shot.drive is None else len(shot.drive.moments)),
        outputs=recording.samples,
    )


def _operators(shots: Sequence[ShotSetup], recording: Recording) -> dict[float, np.ndarray]:
    """By rise time, matrices from the samples of these shots, whose runs have one length, to recorded motion."""

    def operator(rise_time_s: float) -> np.ndarray:
        first = shots[0]
        return time_operator(
            recording.time_s,
            first.lead + first.n_samples,
            first.dt_s,
            rise_time_s=rise_time_s,
            lowpass_hz=recording.lowpass_hz,
            lowpass_order=LOWPASS_ORDER,
            lead=first.lead,
        ).T.astype(np.float32)

    return {rise_time_s: operator(rise_time_s) for rise_time_s in set(map(_driving_rise_time_s, shots))}


def _driving_rise_time_s(shot: ShotSetup) -> float:
    """Rise time of the moment function that drives the run."""
    return shot.source.rise_time_s if shot.drive is None else BASE_RISE_TIME_S


def _label(
    velocity: np.ndarray, shot: ShotSetup, geology: Geology, recording: Recording, settings: SimulationSettings
) -> xr.DataArray:
    carried, lowpass_hz = shot.grid.highest_frequency_hz(shot.medium.vs_m_s), recording.lowpass_hz
    attrs: dict[str, Any] = {
        "solver": f"spectremor {settings.solver_version} on deepwave {version('deepwave')}",
        "solver_version": settings.solver_version,
        "grid_spacing_m": shot.grid.spacing_m,
        "order": shot.grid.order,
        "time_step_s": shot.dt_s,
        "lowpass_hz": lowpass_hz,
        "grid_dispersion": "removed along paths" if settings.removes_dispersion else "as simulated",
        "attenuation": f"path average, speeds at {lowpass_hz:g} Hz" if settings.attenuation else "none",
    }
    q_law = q_law_of(geology)
    if settings.attenuation and q_law.exponent:
        attrs["attenuation"] += f", Q = Q0 (f / {q_law.reference_hz:g} Hz)^{q_law.exponent:g}"
    if shot.drive is not None:
        attrs["rupture_points"] = len(shot.drive.moments)
        attrs["rupture"] = "the source is the sum of the points at their centroid, as late as they are on average"
    return label_motion(
        velocity,
        recording.sensors,
        time_s=recording.time_s,
        source=shot.source,
        band_hz=(0.0, min(lowpass_hz, carried)),
        attrs=attrs,
    )


def _check_band(shot: ShotSetup, lowpass_hz: float) -> None:
    carried = shot.grid.highest_frequency_hz(shot.medium.vs_m_s)
    nyquist = float(shot.medium.vs_m_s.max()) / (2 * shot.grid.spacing_m)
    if lowpass_hz > nyquist:
        raise InputError("lowpass_hz", f"{lowpass_hz:g} Hz", f"(0, {nyquist:.3g}] Hz: two points per shear wavelength")
    if lowpass_hz > carried:
        finer = shot.grid.spacing_m * carried / lowpass_hz
        warnings.warn(
            f"grid_spacing_m: {shot.grid.spacing_m:g} m carries shear waves accurately up to {carried:.2g} Hz in the "
            f"slowest ground here, and the low-pass lets {lowpass_hz:g} Hz through: take {finer:.3g} m or less for all",
            InputWarning,
            stacklevel=4,
        )


def _check_spacing(rupture: Rupture, geology: Geology, lowpass_hz: float) -> None:
    """Warn of points so far apart that the motion shows them singly: they arrive at the intervals of a lattice.

    For a sensor behind the rupture, which runs at 0.8 of Vs, these are (1 / 0.8 + 1) spacing / Vs.
    """
    if len(rupture) < 2 or rupture.spacing_m is None:
        return
    slowest_m_s = float(rock_at(geology, rupture.position_m).vs_m_s.min())
    smooth_hz = slowest_m_s / ((1 / 0.8 + 1) * rupture.spacing_m)
    if lowpass_hz > smooth_hz:
        finer_m = rupture.spacing_m * smooth_hz / lowpass_hz
        warnings.warn(
            f"rupture.spacing_m: subfaults {rupture.spacing_m:g} m apart are smooth up to {smooth_hz:.2g} Hz, and the "
            f"low-pass lets {lowpass_hz:g} Hz through: take subfaults of {finer_m:.3g} m or less, or a lower low-pass",
            InputWarning,
            stacklevel=5,
        )


def _check_output(duration_s: float, sampling_hz: float, lowpass_hz: float, lowpass_field: str) -> None:
    if not 0 < sampling_hz <= HIGHEST_SAMPLING_HZ:
        allowed = f"a positive number of samples per second, at most {HIGHEST_SAMPLING_HZ:g}"
        raise InputError("sampling_hz", sampling_hz, allowed)
    if not 0 < duration_s <= LONGEST_S or output_samples(duration_s, sampling_hz) < 2:
        raise InputError("duration_s", duration_s, f"({1 / sampling_hz:g}, {LONGEST_S:g}] s: at least two samples")
    if not (math.isfinite(lowpass_hz) and 0 < lowpass_hz <= sampling_hz / 2):
        raise InputError(lowpass_field, lowpass_hz, f"(0, {sampling_hz / 2:g}] Hz, half the sampling rate")
