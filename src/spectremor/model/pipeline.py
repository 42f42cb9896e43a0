"""The main job: geology + source -> stage 1 -> diffusion -> wavefield."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from spectremor.core.errors import InputError
from spectremor.core.geology import Geology, as_geology
from spectremor.core.recording import Recording, Stations
from spectremor.core.rupture import Rupture
from spectremor.core.source import Source
from spectremor.core.trained_range import TrainedRange
from spectremor.core.version import VERSION
from spectremor.core.wavefield import (
    DIMS,
    check_wavefield,
    recording_of,
    source_of,
    with_sensors_of,
    with_traces,
)
from spectremor.diffusion.config import OBSERVED_ERROR
from spectremor.model.draws import Draws, check_job
from spectremor.model.first_stage import FirstStage, Stage1Motion, plain_values
from spectremor.model.observed import Observed, parse_observed
from spectremor.model.region import MotionRequest
from spectremor.model.second_stage import SecondStage

if TYPE_CHECKING:
    from spectremor.diffusion.config import SamplerName
    from spectremor.diffusion.field_stage import FieldStage
    from spectremor.diffusion.stage import DiffusionStage
    from spectremor.surrogate.protocol import Stage1

#: What `as_geology` makes a geology of.
Ground = Geology | xr.DataArray | xr.Dataset


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
                field=stage1, source=source, problem=None, learned_m_s=plain_values(stage1), geology=geology
            )
            return self.restored(motion, draws)
        own_s = self.trained_range.rise_time_s if source is None else source.rise_time_s
        return self._labelled_draws(stage1, self._second.around(plain_values(stage1), own_s, draws), source, draws)

    def stage1_motion(self, geology: Ground, source: Source | Rupture, request: MotionRequest) -> Stage1Motion:
        """Stage 1, with what stage 2 needs to know of it.

        Raises:
            InputError: as `predict`.
        """
        first = FirstStage(
            stage1=self.stage1,
            recording=self.recording,
            trained_range=self.trained_range,
            diffusion=self.diffusion,
        )
        motion = first.motion(as_geology(geology), source, request)
        signed = motion.field.assign_attrs(model=self.model_id, stage="1", stage1=self.stage1.name, version=VERSION)
        return dataclasses.replace(motion, field=signed)

    def restored(self, motion: Stage1Motion, draws: Draws) -> xr.DataArray:
        """Stage 2 of what `stage1_motion` gives.

        Raises:
            InputError: as `generate`.
        """
        second = self._second
        draws = second.as_asked(draws)
        self._check_draws(draws)
        return self._labelled_draws(motion.field, second.fields(motion, draws), motion.source, draws)

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

    @property
    def _second(self) -> SecondStage:
        return SecondStage(
            diffusion=self.need_diffusion(),
            recording=self.recording,
            trained_range=self.trained_range,
            model_id=self.model_id,
        )

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


def _request(
    stations: Stations | None, sensors_m: Any, duration_s: float | None, max_frequency_hz: float | None
) -> MotionRequest:
    return MotionRequest(
        stations=stations, sensors_m=sensors_m, duration_s=duration_s, max_frequency_hz=max_frequency_hz
    )


def _one_wavefield(stage1: xr.DataArray) -> xr.DataArray:
    """Stage 1's, its dimensions in whatever order."""
    if isinstance(stage1, xr.DataArray):
        if set(stage1.dims) != set(DIMS):
            raise InputError("stage-1 wavefield.dims", stage1.dims, f"({', '.join(DIMS)}), one wavefield")
        stage1 = stage1.transpose(*DIMS)
    return check_wavefield(stage1, name="stage-1 wavefield")
