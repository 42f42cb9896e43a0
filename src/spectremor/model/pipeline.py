"""The main job: geology + source -> stage 1 -> diffusion -> wavefield."""

from __future__ import annotations

import dataclasses
import math
import numbers
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from jaxtyping import Float32

from spectremor.core.corner import in_ground
from spectremor.core.errors import InputError, InputWarning
from spectremor.core.geology import Geology, as_geology
from spectremor.core.recording import Recording, SensorGrid, Stations
from spectremor.core.rupture import Rupture
from spectremor.core.similarity import Similarity
from spectremor.core.source import Source
from spectremor.core.trained_range import TrainedRange
from spectremor.core.version import VERSION
from spectremor.core.wavefield import (
    DIMS,
    check_wavefield,
    label_motion,
    recorded_wavefield,
    recording_of,
    source_of,
    with_sensors_of,
    with_traces,
)
from spectremor.diffusion.config import OBSERVED_ERROR
from spectremor.model.cube import Cube, LearnedCube, plan_cube
from spectremor.model.measured import ORDINARY_GROUND, SLOW_GROUND, measured_error
from spectremor.model.observed import Observed, parse_observed
from spectremor.model.region import SLOW, Learned, MotionRequest, Region, plan_region
from spectremor.signal.corner import with_rise_time
from spectremor.surrogate.protocol import AnyGround, AnySensors

if TYPE_CHECKING:
    from spectremor.diffusion.config import SamplerName
    from spectremor.diffusion.field_stage import FieldStage
    from spectremor.diffusion.stage import DiffusionStage
    from spectremor.surrogate.protocol import Stage1

#: What `as_geology` makes a geology of.
Ground = Geology | xr.DataArray | xr.Dataset
#: Traces whose corner is changed together: 10 MB for each array of a record of 20 s.
_TRACES_AT_ONCE = 1024
#: A rise time within this share of the learned one is the learned one.
_SAME_RISE_TIME = 1e-3
#: Amplification of the highest frequency by a shorter rise time, above which it is said.
_WORTH_SAYING = 1.5


@dataclasses.dataclass(frozen=True, kw_only=True)
class Draws:
    """How stage 2 draws; see `GroundMotionModel.generate`.

    Attributes:
        mean: the mean of all draws is asked for instead of draws.
    """

    realizations: int = 1
    seed: int = 0
    steps: int | None = None
    sampler: SamplerName | None = None
    observed: Observed | None = None
    mean: bool = False
    on_progress: Callable[[float], None] | None = None


#: What gives the mean of all draws of a stage that restores each sensor alone: its estimate from noise alone.
EXPECTED = Draws(steps=1, sampler="dpm-solver++")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stage1Motion:
    """What stage 1 gives, and what stage 2 needs to know of it.

    Attributes:
        field: the wavefield.
        source: the earthquake as one point; its rise time is that of the whole.
        problem: a region or a similar cube, where it is not what the model learned as it is.
        learned_m_s: motion of the learned problem: in a region at its sensors and those of its reference, as long as
            whole windows; else on the model's own grid.
        geology: the ground where there is no problem; None: nobody has said it.
    """

    field: xr.DataArray
    source: Source
    problem: Region | Cube | None
    learned_m_s: Float32[np.ndarray, "3 *sensors time"]
    geology: Geology | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class GroundMotionModel:
    """The two stages together.

    Attributes:
        stage1: anything that predicts a wavefield from a geology and a source.
        diffusion: stage 2; None when only stage 1 has been trained.
        model_id: name and digest of the weights, recorded in every wavefield.
        recording: where and when the model records by itself.
        trained_range: the events that it was trained on.
    """

    stage1: Stage1
    diffusion: DiffusionStage | FieldStage | None
    model_id: str
    recording: Recording = dataclasses.field(default_factory=Recording)
    trained_range: TrainedRange = dataclasses.field(default_factory=TrainedRange)

    def predict(
        self,
        geology: Ground,
        source: Source | Rupture,
        *,
        stations: Stations | None = None,
        sensors_m: Any = None,
        duration_s: float | None = None,
        max_frequency_hz: float | None = None,
    ) -> xr.DataArray:
        """Stage 1 alone: the wavefield of the neural operator, or of the coarse simulation in its place.

        Args:
            geology: the ground, or what `as_geology` makes one of. A model that simulates takes any extent whose sides
                a suitable grid divides; a neural operator its cube, or a similar one.
            source: a point, or (where the model simulates) a rupture, of any rise time.
            stations: at the surface, instead of a grid; where the model simulates, or works along rays and its second
                stage sees the field.
            sensors_m: positions (x_m, y_m) in m along East and North of another grid; where the model simulates. By
                itself a model has 32 x 32 sensors, spread over the ground.
            duration_s: length of the record from the origin time; None: the model's own, 6.4 s to 5 Hz.
            max_frequency_hz: None: the model's own, 5 Hz. Another one changes grid spacing and sampling.

        Returns:
            DataArray `velocity`, dims (component, x, y, time), or (component, station, time) of a list, m/s.

        Raises:
            InputError: a geology or source that the model cannot take.
        """
        request = _request(stations, sensors_m, duration_s, max_frequency_hz)
        return self.stage1_motion(geology, source, request).field

    def generate(
        self,
        geology: Ground,
        source: Source | Rupture,
        *,
        stations: Stations | None = None,
        sensors_m: Any = None,
        duration_s: float | None = None,
        max_frequency_hz: float | None = None,
        realizations: int = 1,
        seed: int = 0,
        steps: int | None = None,
        sampler: SamplerName | None = None,
        observed: xr.DataArray | None = None,
        observed_error: float = OBSERVED_ERROR,
    ) -> xr.DataArray:
        """Both stages: `realizations` broadband wavefields around one stage-1 prediction.

        Args:
            geology: as for `predict`, and so are the arguments up to `max_frequency_hz`.
            source: likewise; a shorter rise time than the trained one amplifies what is drawn, which is said.
            stations: likewise.
            sensors_m: likewise.
            duration_s: likewise.
            max_frequency_hz: likewise.
            realizations: how many draws.
            seed: one seed, one result; realization r is the same whatever their number.
            steps: sampling steps (None: the model's own, or eight of another sampler than its own).
            sampler: "ddpm", "ddim", "dpm-solver++" or "jump" (None: the model's own).
            observed: what was recorded of this earthquake at some stations, which the draws honour: dims (component,
                station, time), coordinates x and y in m on the stations, m/s, at the model's times.
            observed_error: standard deviation of each recorded sample's error, as a part of its trace's
                root-mean-square velocity.

        Returns:
            DataArray `velocity`, dims (realization, component, x, y, time), or with station in place of x and y, m/s.

        Raises:
            InputError: an input, a number of realizations or of steps, or a sampler that the model cannot take.

        Warns:
            InputWarning: a problem outside of what was learned, with the error measured on such problems.

        Example:
            >>> import spectremor as sp
            >>> from spectremor.examples import example_geology, example_source
            >>> field = sp.load_model().generate(example_geology(), example_source(), realizations=2)
            >>> field.dims, field.shape
            (('realization', 'component', 'x', 'y', 'time'), (2, 3, 32, 32, 320))
        """
        records = self.parsed_observed(observed, observed_error)
        draws = Draws(realizations=realizations, seed=seed, steps=steps, sampler=sampler, observed=records)
        self._check_draws(draws)
        request = _request(stations, sensors_m, duration_s, max_frequency_hz)
        return self.restored(self.stage1_motion(geology, source, request), draws)

    def expect(
        self,
        geology: Ground,
        source: Source | Rupture,
        *,
        stations: Stations | None = None,
        sensors_m: Any = None,
        duration_s: float | None = None,
        max_frequency_hz: float | None = None,
        observed: xr.DataArray | None = None,
        observed_error: float = OBSERVED_ERROR,
    ) -> xr.DataArray:
        """The mean of all draws: the motion of least expected squared error, quieter than any real one.

        A stage that sees the field has learned the mean of its draws. Of a stage that restores each sensor alone it is
        the denoiser's estimate from noise alone, which holds nothing of the truth.

        Args:
            geology: as for `predict`, and so are the other arguments.
            source: likewise.
            stations: likewise.
            sensors_m: likewise.
            duration_s: likewise.
            max_frequency_hz: likewise.
            observed: as for `generate`.
            observed_error: likewise.

        Returns:
            Dims as `predict` gives them.

        Raises:
            InputError: as `generate`.
        """
        request = _request(stations, sensors_m, duration_s, max_frequency_hz)
        records = self.parsed_observed(observed, observed_error)
        mean = self.restored(self.stage1_motion(geology, source, request), Draws(mean=True, observed=records))
        mean = mean.isel(realization=0, drop=True)
        mean.attrs = {name: value for name, value in mean.attrs.items() if name != "seed"} | {"product": "mean"}
        return mean

    def restore(
        self,
        stage1: xr.DataArray,
        *,
        realizations: int = 1,
        seed: int = 0,
        steps: int | None = None,
        sampler: SamplerName | None = None,
        geology: Geology | None = None,
        on_progress: Callable[[float], None] | None = None,
    ) -> xr.DataArray:
        """Stage 2 alone: broadband wavefields from a stage-1 wavefield; arguments as for `generate`.

        Args:
            stage1: on a grid, at the times of the model.
            realizations: as for `generate`, and so are the other arguments.
            seed: likewise.
            steps: likewise.
            sampler: likewise.
            geology: the ground, which a stage that sees the field makes use of.
            on_progress: called with the fraction done.

        Raises:
            InputError: as `generate`; no wavefield, or one of another sampling than the model's; the source is the one
                in its attributes; no geology or source, where they are needed.
        """
        draws = Draws(realizations=realizations, seed=seed, steps=steps, sampler=sampler, on_progress=on_progress)
        self._check_draws(draws)
        stage1 = _one_wavefield(stage1)
        differences = self.recording.time_differences(recording_of(stage1, name="stage-1 wavefield"))
        if differences:
            raise InputError("stage-1 wavefield.time", "; ".join(differences), "the times of the model")
        source = source_of(stage1)
        if self.need_diffusion().config.field is not None:
            for name, value in (("geology", geology), ("stage-1 wavefield.source_position_m", source)):
                if value is None:
                    raise InputError(name, "nothing", "the event's own, which this model's second stage makes use of")
            assert source is not None
            motion = Stage1Motion(
                field=stage1, source=source, problem=None, learned_m_s=_plain(stage1), geology=geology
            )
            return self.restored(motion, draws)
        own_s = self.trained_range.rise_time_s if source is None else source.rise_time_s
        return self._labelled_draws(stage1, self._drawn(_plain(stage1), own_s, draws), source, draws)

    def stage1_motion(self, geology: Ground, source: Source | Rupture, request: MotionRequest) -> Stage1Motion:
        """Stage 1, with what stage 2 needs to know of it.

        Raises:
            InputError: as `predict`.
        """
        ground = as_geology(geology)
        source = in_ground(source, ground)
        if isinstance(source, Source) and request.as_trained and self.trained_range.has_shape_of(ground):
            field = self._signed(self._as_learned(ground, source))
            return Stage1Motion(field=field, source=source, problem=None, learned_m_s=_plain(field), geology=ground)
        learned = self.learned
        if learned is not None:
            return self._in_region(plan_region(learned, ground, source, request))
        return self._in_cube(plan_cube(self._learned_cube, ground, source, request))

    def restored(self, motion: Stage1Motion, draws: Draws) -> xr.DataArray:
        """Stage 2 of what `stage1_motion` gives.

        Raises:
            InputError: as `generate`.
        """
        sees_field = self.need_diffusion().config.field is not None
        if draws.mean and not sees_field:
            draws = dataclasses.replace(draws, steps=EXPECTED.steps, sampler=EXPECTED.sampler)
        self._check_draws(draws)
        if sees_field:
            fields = self._drawn_together(motion, draws)
        elif isinstance(motion.problem, Region):
            fields = self._drawn_in_region(motion.learned_m_s, motion.problem, draws)
        elif motion.problem is not None:
            similar = motion.problem.similarity
            fields = self._drawn(motion.learned_m_s, motion.source.rise_time_s / similar.time, draws)
            fields = fields[..., : motion.problem.samples] * np.float32(similar.velocity)
        else:
            fields = self._drawn(motion.learned_m_s, motion.source.rise_time_s, draws)
        return self._labelled_draws(motion.field, fields, motion.source, draws)

    @property
    def learned(self) -> Learned | None:
        """What the model learned, where its stage 1 simulates and so takes any ground; None of an operator."""
        if not isinstance(self.stage1, AnyGround):
            return None
        return Learned(recording=self.recording, ground=self.trained_range, spacing_m=self.stage1.spacing_m)

    def parsed_observed(self, observed: xr.DataArray | None, error: float) -> Observed | None:
        """Recordings as the model takes them; None where there are none.

        Raises:
            InputError: a model that takes none, or what is wrong with them.
        """
        if observed is None:
            return None
        self.need_diffusion().config.check_takes_recordings()
        return parse_observed(observed, error, self.recording)

    def need_single_sensors(self) -> DiffusionStage:
        """Stage 2, where it restores each sensor alone.

        Raises:
            InputError: only stage 1 has been trained, or a stage that sees the field.
        """
        from spectremor.diffusion.stage import DiffusionStage

        diffusion = self.need_diffusion()
        if not isinstance(diffusion, DiffusionStage):
            raise InputError("model", self.model_id, "a model whose diffusion stage restores each sensor alone")
        return diffusion

    def need_diffusion(self) -> DiffusionStage | FieldStage:
        """Stage 2.

        Raises:
            InputError: only stage 1 has been trained.
        """
        if self.diffusion is None:
            raise InputError("model", self.model_id, "a model with a diffusion stage")
        return self.diffusion

    def _check_draws(self, draws: Draws) -> int:
        """How often the network is evaluated, after all that can be refused before any work."""
        check_job(draws.realizations, draws.seed, draws.steps)
        return self.need_diffusion().config.evaluations(draws.steps, draws.sampler)

    def _as_learned(self, geology: Geology, source: Source) -> xr.DataArray:
        """Stage 1 at the model's own sensors and times, of any rise time."""
        learned_s = self.trained_range.rise_time_s
        any_rise_time = isinstance(self.stage1, AnyGround) and self.stage1.any_rise_time
        if any_rise_time or _same(source.rise_time_s, learned_s):
            return self.stage1.predict(geology, source)
        field = self.stage1.predict(geology, dataclasses.replace(source, rise_time_s=learned_s))
        rise_times_s = (learned_s, source.rise_time_s)
        values = _with_rise_time(field.values, 1 / self.recording.sampling_hz, *rise_times_s)
        return with_traces(field, values, source=source, attrs=_own_attrs(field.attrs, Similarity()))

    def _signed(self, field: xr.DataArray) -> xr.DataArray:
        return field.assign_attrs(model=self.model_id, stage="1", stage1=self.stage1.name, version=VERSION)

    @property
    def _learned_cube(self) -> LearnedCube:
        return LearnedCube(
            trained=self.trained_range,
            recording=self.recording,
            along_rays=isinstance(self.stage1, AnySensors) and self.stage1.any_sensors,
            second=None if self.diffusion is None else self.diffusion.config,
        )

    def _predicted(self, cube: Cube) -> xr.DataArray:
        """An operator's prediction at the sensors of the learned problem."""
        if cube.points_m is None:
            return self.stage1.predict(cube.geology, cube.source)
        assert isinstance(self.stage1, AnySensors)
        traces = self.stage1.predict_at(cube.geology, cube.source, cube.points_m)
        sensors = cube.recording.sensors
        recording = dataclasses.replace(self.recording, sensors=sensors)
        return recorded_wavefield(traces.reshape(3, *sensors.shape, -1), recording, source=cube.source)

    def _in_cube(self, cube: Cube) -> Stage1Motion:
        """An operator's prediction of the learned problem."""
        learned_s = self.trained_range.rise_time_s
        with warnings.catch_warnings():
            # Density and Q are those of the real speeds, not of the scaled ones.
            warnings.simplefilter("ignore", InputWarning)
            run = self._predicted(cube)
        learned, own_s = _plain(run), cube.point.rise_time_s / cube.similarity.time
        if not _same(own_s, learned_s):
            learned = _with_rise_time(learned, 1 / self.recording.sampling_hz, learned_s, own_s)
        field = label_motion(
            learned[..., : cube.samples] * np.float32(cube.similarity.velocity),
            cube.recording.sensors,
            time_s=cube.recording.time_s[: cube.samples],
            source=cube.point,
            attrs=_own_attrs(run.attrs, cube.similarity),
        )
        return Stage1Motion(field=self._signed(field), source=cube.point, problem=cube, learned_m_s=learned)

    def _in_region(self, region: Region) -> Stage1Motion:
        """A simulation of the learned problem, at all sensors that are needed."""
        assert isinstance(self.stage1, AnyGround)
        run = self.stage1.record(region.geology, region.earthquake, region.run)
        learned = _plain(run).reshape(3, -1, run.sizes["time"])
        sensors = region.recording.sensors
        own = learned[:, : sensors.count, : region.recording.samples] * np.float32(region.similarity.velocity)
        field = label_motion(
            own.reshape(3, *sensors.shape, -1),
            sensors,
            time_s=region.recording.time_s,
            source=region.point,
            attrs=_own_attrs(run.attrs, region.similarity),
        )
        return Stage1Motion(field=self._signed(field), source=region.point, problem=region, learned_m_s=learned)

    def _drawn(
        self, traces: Float32[np.ndarray, "3 x y time"], own_s: float, draws: Draws
    ) -> Float32[np.ndarray, "realization 3 x y time"]:
        """Broadband motion at the model's own times, around stage-1 motion of a source of any rise time."""
        learned_s, step_s = self.trained_range.rise_time_s, 1 / self.recording.sampling_hz
        _warn_of_corner(own_s, learned_s, self.recording.lowpass_hz)
        learned = traces if _same(own_s, learned_s) else _with_rise_time(traces, step_s, own_s, learned_s)
        fields = self.need_single_sensors().generate_arrays(
            learned,
            realizations=draws.realizations,
            seed=draws.seed,
            steps=draws.steps,
            sampler=draws.sampler,
            on_progress=draws.on_progress,
        )
        if learned is not traces:
            for draw in fields:
                draw[:] = traces + _with_rise_time(draw - learned, step_s, learned_s, own_s)
        return fields

    def _drawn_together(self, motion: Stage1Motion, draws: Draws) -> Float32[np.ndarray, "realization 3 *sensors time"]:
        """Broadband motion at all sensors together, in the problem's own units."""
        from spectremor.diffusion.field_stage import FieldStage
        from spectremor.model.field_event import field_event, learned_field

        diffusion = self.need_diffusion()
        assert isinstance(diffusion, FieldStage)
        learned_s, step_s = self.trained_range.rise_time_s, 1 / self.recording.sampling_hz
        field = learned_field(motion.problem, motion.geology, motion.source, motion.learned_m_s, self.recording)
        if isinstance(motion.problem, Region):
            self._warn_of_region(motion.problem)
        _warn_of_corner(field.rise_time_s, learned_s, self.recording.lowpass_hz)
        same = _same(field.rise_time_s, learned_s)
        field.check_observed(draws.observed, own_rise_time=same)
        learned = field.traces_m_s if same else _with_rise_time(field.traces_m_s, step_s, field.rise_time_s, learned_s)
        event = field_event(field, learned, step_s, draws.observed)
        if draws.mean:
            drawn = diffusion.expect(event.stage1, event.surroundings, recorded=event.recorded)[None]
        else:
            drawn = diffusion.generate(
                event.stage1,
                event.surroundings,
                recorded=event.recorded,
                realizations=draws.realizations,
                seed=draws.seed,
                steps=draws.steps,
                sampler=draws.sampler,
                on_progress=draws.on_progress,
            )
        fields = np.moveaxis(drawn[:, : event.own], 1, 2)
        if not same:
            changed = [_with_rise_time(one - learned, step_s, learned_s, field.rise_time_s) for one in fields]
            fields = field.traces_m_s + np.stack(changed)
        fields = fields[..., : field.samples] * np.float32(field.similarity.velocity)
        return fields.reshape(len(fields), 3, *field.shape, field.samples)

    def _drawn_in_region(
        self, learned_m_s: Float32[np.ndarray, "3 sensor time"], region: Region, draws: Draws
    ) -> Float32[np.ndarray, "realization 3 *sensors wanted"]:
        """Broadband motion in windows of time, at any sensors, in the problem's own units."""
        from spectremor.diffusion.windows import LongField, grid_noise, place_noise, restore_in_windows

        diffusion, sensors = self.need_single_sensors(), region.long.sensors
        self._warn_of_region(region)
        learned_s, own_s = self.trained_range.rise_time_s, region.point.rise_time_s / region.similarity.time
        _warn_of_corner(own_s, learned_s, self.recording.lowpass_hz)
        traces, reference = learned_m_s[:, : sensors.count], learned_m_s[:, sensors.count :]
        if region.reference is None:
            assert isinstance(sensors, SensorGrid)
            noise = grid_noise(diffusion, draws.seed, (len(sensors.x_m), len(sensors.y_m)))
        else:
            correlation_m = diffusion.config.sampling.noise_correlation * _sensor_spacing_m(self.recording)
            noise = place_noise(diffusion, draws.seed, sensors.points_m()[:, :2], correlation_m)
        fields = restore_in_windows(
            diffusion,
            LongField(
                traces_m_s=traces,
                reference_m_s=traces if region.reference is None else reference,
                first_arrival_s=region.first_arrival_s,
                sampling_hz=self.recording.sampling_hz,
                rise_times_s=None if _same(own_s, learned_s) else (own_s, learned_s),
            ),
            noise,
            realizations=draws.realizations,
            steps=draws.steps,
            sampler=draws.sampler,
            on_progress=draws.on_progress,
        )
        fields = fields[..., : region.recording.samples]
        if region.similarity.velocity != 1:
            fields = fields * np.float32(region.similarity.velocity)
        return fields.reshape(draws.realizations, 3, *sensors.shape, -1)

    def _labelled_draws(
        self, stage1: xr.DataArray, fields: np.ndarray, source: Source | None, draws: Draws
    ) -> xr.DataArray:
        used = self._check_draws(draws)
        attrs = stage1.attrs | {"stage": "2", "model": self.model_id, "seed": draws.seed, "sampling_steps": used}
        attrs["sampler"] = draws.sampler or self.need_diffusion().config.sampling.sampler
        if "lowpass_hz" in attrs:
            # A coarse simulation says what its grid carries; this stage restores the rest.
            attrs["band_high_hz"] = attrs["lowpass_hz"]
        restored = with_traces(stage1, fields, source=source, attrs=attrs | {"version": VERSION})
        return with_sensors_of(restored, stage1)

    def _warn_of_region(self, region: Region) -> None:
        if not region.outside:
            return
        source = "point" if isinstance(region.earthquake, Source) else "rupture"
        ground = SLOW_GROUND if SLOW in region.outside else ORDINARY_GROUND
        error = measured_error(self.model_id, source=source, ground=ground)
        warnings.warn(f"model: outside of what it learned ({', '.join(region.outside)}): {error}", InputWarning, 4)


def _warn_of_corner(own_s: float, learned_s: float, highest_hz: float) -> None:
    """Say where motion for a shorter rise time is amplified, and with it what the model does not carry."""
    omega = 2 * math.pi * highest_hz
    gain = (1 + (omega * learned_s) ** 2) / (1 + (omega * own_s) ** 2)
    if gain > _WORTH_SAYING:
        corner_hz = 1 / (2 * math.pi * learned_s)
        warnings.warn(
            f"source.rise_time_s: {own_s:.3g} s is shorter than {learned_s:g} s, of which the model has learned "
            f"motion: above {corner_hz:.2g} Hz its motion and its errors are amplified, at the highest frequency "
            f"{gain:.2g} times",
            InputWarning,
            stacklevel=5,
        )


def _with_rise_time(traces: np.ndarray, step_s: float, own_s: float, new_s: float) -> np.ndarray:
    """See `signal.corner`."""
    flat = traces.reshape(-1, traces.shape[-1])
    changed = np.empty_like(flat)
    for start in range(0, len(flat), _TRACES_AT_ONCE):
        some = slice(start, start + _TRACES_AT_ONCE)
        changed[some] = with_rise_time(flat[some], step_s, own_s, new_s)
    return changed.reshape(traces.shape)


def _plain(field: xr.DataArray) -> Float32[np.ndarray, "3 *sensors time"]:
    return np.ascontiguousarray(field.values, dtype=np.float32)


def _own_attrs(attrs: dict[str, Any], similar: Similarity) -> dict[str, Any]:
    """What a wavefield of the learned problem says, in the problem's own units."""
    factors = {
        "grid_spacing_m": similar.length,
        "time_step_s": similar.time,
        "lowpass_hz": similar.frequency,
        "band_low_hz": similar.frequency,
        "band_high_hz": similar.frequency,
    }
    own = {name: value for name, value in attrs.items() if not name.startswith(("source_", "units", "long_name"))}
    own |= {name: own[name] * factor for name, factor in factors.items() if name in own}
    if similar != Similarity():
        own |= {"similarity_length": similar.length, "similarity_speed": similar.speed}
    return own


def _sensor_spacing_m(recording: Recording) -> float:
    assert isinstance(recording.sensors, SensorGrid)
    x_m = recording.sensors.x_m
    return float(x_m[-1] - x_m[0]) / max(1, len(x_m) - 1)


def _request(
    stations: Stations | None, sensors_m: Any, duration_s: float | None, max_frequency_hz: float | None
) -> MotionRequest:
    return MotionRequest(
        stations=stations, sensors_m=sensors_m, duration_s=duration_s, max_frequency_hz=max_frequency_hz
    )


def _same(one_s: float, other_s: float) -> bool:
    return math.isclose(one_s, other_s, rel_tol=_SAME_RISE_TIME)


def _one_wavefield(stage1: xr.DataArray) -> xr.DataArray:
    """Stage 1's, its dimensions in whatever order."""
    if isinstance(stage1, xr.DataArray):
        if set(stage1.dims) != set(DIMS):
            raise InputError("stage-1 wavefield.dims", stage1.dims, f"({', '.join(DIMS)}), one wavefield")
        stage1 = stage1.transpose(*DIMS)
    return check_wavefield(stage1, name="stage-1 wavefield")


def check_job(realizations: int | None, seed: int | None, steps: int | None) -> None:
    """Refuse numbers that no generation can have, before any work.

    Args:
        realizations: at least 1.
        seed: 0 to 2^63 - 1; None, as from a field left empty, is refused.
        steps: at least 1, or None for the model's own.

    Raises:
        InputError: names the number and its range.
    """
    _check_whole("realizations", realizations, 1, None, "1 or more")
    _check_whole("seed", seed, 0, 2**63, "0 to 2^63 - 1")
    if steps is not None:
        _check_whole("steps", steps, 1, None, "1 or more")


def _check_whole(name: str, value: object, low: int, below: int | None, allowed: str) -> None:
    whole = isinstance(value, numbers.Integral) and int(value) >= low and (below is None or int(value) < below)
    if not whole:
        raise InputError(name, "nothing" if value is None else value, f"a whole number, {allowed}")
