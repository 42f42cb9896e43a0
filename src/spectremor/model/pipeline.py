"""The main job: geology + source -> stage 1 -> diffusion -> wavefield."""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from spectremor.core.errors import InputError
from spectremor.core.geology import Geology, as_geology
from spectremor.core.recording import Recording
from spectremor.core.source import Source
from spectremor.core.trained_range import TrainedRange
from spectremor.core.version import VERSION
from spectremor.core.wavefield import DIMS, check_wavefield, recording_of, source_of, with_sensors_of, with_traces

if TYPE_CHECKING:
    from spectremor.diffusion.config import SamplerName
    from spectremor.diffusion.stage import DiffusionStage
    from spectremor.surrogate.protocol import Stage1


@dataclasses.dataclass(frozen=True, kw_only=True)
class GroundMotionModel:
    """The two stages together.

    Attributes:
        stage1: anything that predicts a wavefield from a geology and a source.
        diffusion: stage 2; None when only stage 1 has been trained.
        model_id: name and digest of the weights, recorded in every wavefield.
        recording: where and when the model records.
        trained_range: the events that it was trained on.
    """

    stage1: Stage1
    diffusion: DiffusionStage | None
    model_id: str
    recording: Recording = dataclasses.field(default_factory=Recording)
    trained_range: TrainedRange = dataclasses.field(default_factory=TrainedRange)

    def predict(self, geology: Geology | xr.DataArray | xr.Dataset, source: Source) -> xr.DataArray:
        """Stage 1 alone: the wavefield of the neural operator, or of the coarse simulation in its place.

        Args:
            geology: of the size that the model was trained on; or what `as_geology` makes one of.
            source: inside the trained range, of the trained rise time; a simulation in the operator's place takes any
                rise time.

        Returns:
            DataArray `velocity`, dims (component, x, y, time), m/s.

        Raises:
            InputError: a geology or source that the model cannot take.
        """
        field = self.stage1.predict(as_geology(geology), source)
        return field.assign_attrs(model=self.model_id, stage="1", stage1=self.stage1.name, version=VERSION)

    def generate(
        self,
        geology: Geology | xr.DataArray | xr.Dataset,
        source: Source,
        *,
        realizations: int = 1,
        seed: int = 0,
        steps: int | None = None,
        sampler: SamplerName | None = None,
    ) -> xr.DataArray:
        """Both stages: `realizations` broadband wavefields around one stage-1 prediction.

        Args:
            geology: of the size that the model was trained on; or what `as_geology` makes one of.
            source: inside the trained range, of the trained rise time.
            realizations: how many draws.
            seed: one seed, one result; realization r is the same whatever their number.
            steps: sampling steps (None: the model's own, or eight of another sampler than its own).
            sampler: "ddpm", "ddim", "dpm-solver++" or "jump" (None: the model's own).

        Returns:
            DataArray `velocity`, dims (realization, component, x, y, time), m/s.

        Raises:
            InputError: an input, a number of realizations or of steps, or a sampler that the model cannot take.

        Example:
            >>> import spectremor as sp
            >>> from spectremor.examples import example_geology, example_source
            >>> field = sp.load_model().generate(example_geology(), example_source(), realizations=2)
            >>> field.dims, field.shape
            (('realization', 'component', 'x', 'y', 'time'), (2, 3, 32, 32, 320))
        """
        check_job(realizations, seed, steps)
        self.need_diffusion().config.evaluations(steps, sampler)
        # Before the first stage: a simulation would take any.
        self.trained_range.check_rise_time(source)
        stage1 = self.predict(geology, source)
        return self.restore(stage1, realizations=realizations, seed=seed, steps=steps, sampler=sampler)

    def restore(
        self,
        stage1: xr.DataArray,
        *,
        realizations: int = 1,
        seed: int = 0,
        steps: int | None = None,
        sampler: SamplerName | None = None,
        on_progress: Callable[[float], None] | None = None,
    ) -> xr.DataArray:
        """Stage 2 alone: broadband wavefields from a stage-1 wavefield; arguments as for `generate`.

        Raises:
            InputError: as `generate`; no wavefield, or one of another sampling than the model's; the source is the one
                in its attributes.
        """
        check_job(realizations, seed, steps)
        diffusion = self.need_diffusion()
        used = diffusion.config.evaluations(steps, sampler)
        stage1 = _one_wavefield(stage1)
        differences = self.recording.time_differences(recording_of(stage1, name="stage-1 wavefield"))
        if differences:
            raise InputError("stage-1 wavefield.time", "; ".join(differences), "the times of the model")
        source = source_of(stage1)
        if source is not None:
            self.trained_range.check_rise_time(source)
        fields = diffusion.generate_arrays(
            np.ascontiguousarray(stage1.values, dtype=np.float32),
            realizations=realizations,
            seed=seed,
            steps=steps,
            sampler=sampler,
            on_progress=on_progress,
        )
        attrs = stage1.attrs | {"stage": "2", "model": self.model_id, "seed": seed, "sampling_steps": used}
        attrs["sampler"] = sampler or diffusion.config.sampling.sampler
        if "lowpass_hz" in attrs:
            # A coarse simulation says what its grid carries; this stage restores the rest.
            attrs["band_high_hz"] = attrs["lowpass_hz"]
        restored = with_traces(stage1, fields, source=source, attrs=attrs | {"version": VERSION})
        return with_sensors_of(restored, stage1)

    def need_diffusion(self) -> DiffusionStage:
        """Stage 2.

        Raises:
            InputError: only stage 1 has been trained.
        """
        if self.diffusion is None:
            raise InputError("model", self.model_id, "a model with a diffusion stage")
        return self.diffusion


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
