"""Stage 1 in the user's own problem: as the model learned it, in a similar cube, or in a region."""

from __future__ import annotations

import dataclasses
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from jaxtyping import Float32

from spectremor.core.corner import in_ground
from spectremor.core.errors import InputWarning
from spectremor.core.geology import Geology
from spectremor.core.recording import Recording
from spectremor.core.rupture import Rupture
from spectremor.core.similarity import Similarity
from spectremor.core.source import Source
from spectremor.core.trained_range import TrainedRange, is_same_rise_time
from spectremor.core.wavefield import label_motion, recorded_wavefield, with_traces
from spectremor.model.cube import Cube, LearnedCube, plan_cube
from spectremor.model.region import Learned, MotionRequest, Region, plan_region
from spectremor.signal.corner import with_rise_time
from spectremor.surrogate.protocol import AnyGround, AnySensors

if TYPE_CHECKING:
    from spectremor.diffusion.field_stage import FieldStage
    from spectremor.diffusion.stage import DiffusionStage
    from spectremor.surrogate.protocol import Stage1


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
class FirstStage:
    """A model's stage 1 with what it learned.

    Attributes:
        stage1: predicts a wavefield from a geology and a source.
        recording: where and when it records by itself.
        trained_range: the events that it was trained on.
        diffusion: the stage behind it; None: there is none.
    """

    stage1: Stage1
    recording: Recording
    trained_range: TrainedRange
    diffusion: DiffusionStage | FieldStage | None

    def motion(self, geology: Geology, source: Source | Rupture, request: MotionRequest) -> Stage1Motion:
        """The wavefield, with what stage 2 needs to know of it.

        Raises:
            InputError: what stage 1 cannot take, with what it can.
        """
        source = in_ground(source, geology)
        if isinstance(source, Source) and request.as_trained and self.trained_range.has_shape_of(geology):
            field = self._as_learned(geology, source)
            return Stage1Motion(
                field=field, source=source, problem=None, learned_m_s=plain_values(field), geology=geology
            )
        learned = self._learned
        if learned is not None:
            return self._in_region(plan_region(learned, geology, source, request))
        return self._in_cube(plan_cube(self._learned_cube, geology, source, request))

    @property
    def _learned(self) -> Learned | None:
        """What it learned, where it simulates and so takes any ground; None of an operator alone."""
        if not isinstance(self.stage1, AnyGround):
            return None
        return Learned(recording=self.recording, ground=self.trained_range, spacing_m=self.stage1.spacing_m)

    @property
    def _learned_cube(self) -> LearnedCube:
        return LearnedCube(
            trained=self.trained_range,
            recording=self.recording,
            along_rays=isinstance(self.stage1, AnySensors) and self.stage1.any_sensors,
            second=None if self.diffusion is None else self.diffusion.config,
        )

    def _as_learned(self, geology: Geology, source: Source) -> xr.DataArray:
        """At the model's own sensors and times, of any rise time."""
        learned_s = self.trained_range.rise_time_s
        any_rise_time = isinstance(self.stage1, AnyGround) and self.stage1.any_rise_time
        if any_rise_time or is_same_rise_time(source.rise_time_s, learned_s):
            return self.stage1.predict(geology, source)
        field = self.stage1.predict(geology, dataclasses.replace(source, rise_time_s=learned_s))
        values = with_rise_time(field.values, 1 / self.recording.sampling_hz, learned_s, source.rise_time_s)
        return with_traces(field, values, source=source, attrs=_own_attrs(field.attrs, Similarity()))

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
        learned, own_s = plain_values(run), cube.point.rise_time_s / cube.similarity.time
        if not is_same_rise_time(own_s, learned_s):
            learned = with_rise_time(learned, 1 / self.recording.sampling_hz, learned_s, own_s)
        field = label_motion(
            learned[..., : cube.samples] * np.float32(cube.similarity.velocity),
            cube.recording.sensors,
            time_s=cube.recording.time_s[: cube.samples],
            source=cube.point,
            attrs=_own_attrs(run.attrs, cube.similarity),
        )
        return Stage1Motion(field=field, source=cube.point, problem=cube, learned_m_s=learned)

    def _in_region(self, region: Region) -> Stage1Motion:
        """A simulation of the learned problem, at all sensors that are needed."""
        assert isinstance(self.stage1, AnyGround)
        run = self.stage1.record(region.geology, region.earthquake, region.run)
        learned = plain_values(run).reshape(3, -1, run.sizes["time"])
        sensors = region.recording.sensors
        own = learned[:, : sensors.count, : region.recording.samples] * np.float32(region.similarity.velocity)
        field = label_motion(
            own.reshape(3, *sensors.shape, -1),
            sensors,
            time_s=region.recording.time_s,
            source=region.point,
            attrs=_own_attrs(run.attrs, region.similarity),
        )
        return Stage1Motion(field=field, source=region.point, problem=region, learned_m_s=learned)


def plain_values(field: xr.DataArray) -> Float32[np.ndarray, "3 *sensors time"]:
    """A wavefield's velocities without labels."""
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
