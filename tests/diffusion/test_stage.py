"""The diffusion stage on wavefields in m/s."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from spectremor.core.errors import InputError
from spectremor.core.threads import thread_map
from spectremor.core.validation import validated
from spectremor.diffusion.config import DiffusionConfig
from spectremor.diffusion.denoiser import UNet1d
from spectremor.diffusion.noise import FieldNoise, SensorNoise, noise_mixing
from spectremor.diffusion.protocol import Condition
from spectremor.diffusion.stage import MICRO_BATCH, DiffusionStage
from spectremor.lab.diffusion_variants import BlindStage
from spectremor.lab.regression import RegressionStage
from spectremor.model.folder import read_model_folder, write_model_folder

NX, NY = 13, 11  # 143 sensors: two whole micro-batches and a part of another


def make_stage(kind: type[DiffusionStage] = DiffusionStage, **latent: object) -> DiffusionStage:
    torch.manual_seed(0)
    config = DiffusionConfig.model_validate(
        {
            "latent": latent,
            "network": {"widths": [16, 24], "embedding": 16},
            "sampling": {"steps": 3},
        }
    )
    stage = kind(config)
    with torch.no_grad():
        for parameter in stage.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    level = torch.linspace(1.0, 0.1, config.latent.latent_samples)
    stage.latents.fit_gains(level, level)
    return stage.eval()


def of_alike_noise(stage: DiffusionStage) -> DiffusionStage:
    """The same weights, with noise that neighbours share."""
    sampling = stage.config.sampling.model_copy(update={"noise_correlation": 3.0})
    alike = DiffusionStage(stage.config.model_copy(update={"sampling": sampling}))
    alike.load_state_dict(stage.state_dict())
    return alike.eval()


def wavefield(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (1e-3 * rng.standard_normal((3, NX, NY, 320))).astype(np.float32)


def test_shape_type_and_difference_between_realizations() -> None:
    out = make_stage().generate_arrays(wavefield(), realizations=3, seed=4)
    assert out.shape == (3, 3, NX, NY, 320)
    assert out.dtype == np.float32
    assert np.isfinite(out).all()
    assert len({out[r].tobytes() for r in range(3)}) == 3


def test_the_same_bytes_alone_and_among_others() -> None:
    stage, stage1 = make_stage(), wavefield()
    three = stage.generate_arrays(stage1, realizations=3, seed=4)
    alone = stage.generate_arrays(stage1, realizations=1, seed=4)
    assert alone[0].tobytes() == three[0].tobytes()
    assert stage.generate_arrays(stage1, realizations=3, seed=4).tobytes() == three.tobytes()
    assert stage.generate_arrays(stage1, realizations=1, seed=5).tobytes() != alone.tobytes()


@pytest.fixture
def threads() -> Iterator[Callable[[int], None]]:
    own = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(own)


@pytest.mark.parametrize("correlation", [0.0, 3.0])
@pytest.mark.parametrize("sampler", ["ddpm", "dpm-solver++"])
def test_the_same_bytes_on_any_number_of_threads(
    threads: Callable[[int], None], sampler: str, correlation: float
) -> None:
    stage, made = make_stage(), []
    filters = list(warnings.filters)
    for count in (1, 2, 3):
        threads(count)
        how: dict = {"realizations": 2, "sampler": sampler, "noise_correlation": correlation}
        made.append(stage.generate_arrays(wavefield(), **how).tobytes())
        # Of this thread and of those that start afterwards.
        assert torch.get_num_threads() == count
        with ThreadPoolExecutor(1) as later:
            assert later.submit(torch.get_num_threads).result() == count
    assert made[0] == made[1] == made[2]
    assert warnings.filters == filters


def test_what_fails_on_a_thread_is_told_and_ends_the_rest(threads: Callable[[int], None]) -> None:
    threads(2)
    begun = []

    def work(number: int) -> int:
        begun.append(number)
        if number == 1:
            raise ValueError("one is refused")
        time.sleep(0.05)
        return number

    with pytest.raises(ValueError, match="one is refused"), thread_map(8) as each:
        list(each(work, range(100)))
    assert len(begun) < 20


@pytest.mark.parametrize("correlation", [0.0, 3.0])
@pytest.mark.parametrize("sampler", ["ddpm", "ddim", "dpm-solver++"])
def test_some_sensors_are_what_they_are_in_the_whole_field(sampler: str, correlation: float) -> None:
    stage, stage1 = make_stage(), wavefield()
    how: dict = {"realizations": 2, "seed": 1, "sampler": sampler, "noise_correlation": correlation}
    whole = stage.generate_arrays(stage1, **how)
    sensors = np.array([140, 3, 77])
    some = stage.generate_at(stage1, sensors, **how)
    expected = np.moveaxis(whole.reshape(2, 3, NX * NY, 320)[:, :, sensors], 1, 2)
    np.testing.assert_allclose(some, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


def test_alike_noise_is_the_models_own_choice_and_belongs_to_the_realization() -> None:
    stage, stage1 = make_stage(), wavefield()
    alike = of_alike_noise(stage)
    three = alike.generate_arrays(stage1, realizations=3, seed=4)
    assert alike.generate_arrays(stage1, seed=4)[0].tobytes() == three[0].tobytes()
    assert stage.generate_arrays(stage1, seed=4, noise_correlation=3.0)[0].tobytes() == three[0].tobytes()
    assert len({field.tobytes() for field in (*three, stage.generate_arrays(stage1, seed=4)[0])}) == 4


def test_alike_noise_is_standard_normal_and_correlated_as_stated() -> None:
    numbers = [0, 1, 5, 29]  # of a grid of 6 x 5: a neighbour along y, one along x, the far corner
    draw = FieldNoise(3, 0, (6, 5), (3, 20_000), 3.0).at(numbers)
    first, second = draw().flatten(1), draw().flatten(1)
    found = np.corrcoef(first.numpy())
    np.testing.assert_allclose(first.std(dim=1), 1.0, atol=0.02)
    for k, distance in ((1, 1.0), (2, 1.0), (3, np.hypot(5, 4))):
        assert found[0, k] == pytest.approx(np.exp(-distance / 3.0), abs=0.02)
    assert abs(np.corrcoef(first[0].numpy(), second[0].numpy())[0, 1]) < 0.02


def test_noise_belongs_to_seed_realization_and_sensor() -> None:
    many = SensorNoise(7, 2, [0, 5, 9], (3, 4))
    first, second = many(), many()
    one = SensorNoise(7, 2, [5], (3, 4))
    assert torch.equal(one()[0], first[1])
    assert torch.equal(one()[0], second[1])
    assert not torch.equal(first, second)
    assert not torch.equal(SensorNoise(7, 3, [5], (3, 4))()[0], first[1])
    assert not torch.equal(SensorNoise(8, 2, [5], (3, 4))()[0], first[1])
    values = SensorNoise(0, 0, range(500), (3, 40))()
    assert float(values.mean()) == pytest.approx(0, abs=0.02)
    assert float(values.std()) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("factor", [1e-6, 1024.0])
def test_exactly_linear_in_the_size_of_the_earthquake(factor: float) -> None:
    stage, stage1 = make_stage(), wavefield()
    small = stage.generate_arrays(stage1, seed=1)
    large = stage.generate_arrays((factor * stage1).astype(np.float32), seed=1)
    np.testing.assert_allclose(large, factor * small, rtol=0, atol=1e-4 * factor * np.abs(small).max())


def test_a_tiny_sensor_is_scaled_by_the_floor_and_stays_finite() -> None:
    stage, stage1 = make_stage(amplitude_floor=0.01), wavefield()
    stage1[:, 2, 3] *= 1e-7
    out = stage.generate_arrays(stage1, seed=1)[0]
    assert np.isfinite(out).all()
    rms = np.sqrt((out[:, 2, 3] ** 2).mean())
    others = np.sqrt((out**2).mean())
    assert 0 < rms < 0.2 * others


def test_a_silent_wavefield_stays_silent() -> None:
    assert not make_stage().generate_arrays(np.zeros((3, 4, 3, 320), np.float32)).any()


def test_below_the_crossover_generation_is_stage_1() -> None:
    stage, stage1 = make_stage(keep_below_hz=1.0), wavefield()
    change = stage.generate_arrays(stage1, seed=3)[0] - stage1
    spectrum = np.abs(np.fft.rfft(change * np.hanning(320), axis=-1)).mean(axis=(0, 1, 2))
    frequency = np.fft.rfftfreq(320, 0.02)
    assert spectrum[frequency < 0.5].max() < 0.01 * spectrum[(frequency > 1.5) & (frequency < 5)].mean()


def arrivals(onset_s: float = 2.0) -> np.ndarray:
    """A wavefield that begins to move at a time, weakly (3% of its peak) for a second and a half."""
    time, stage1 = np.arange(320) * 0.02, wavefield()
    strength = np.where(time < onset_s + 1.5, 0.03, 1.0) * np.clip((time - onset_s) / 0.2, 0.0, 1.0)
    return (stage1 * strength).astype(np.float32)


@pytest.mark.parametrize("keep_below_hz", [0.0, 1.0])
def test_nothing_moves_before_stage_1_does(keep_below_hz: float) -> None:
    stage, stage1 = make_stage(keep_below_hz=keep_below_hz), arrivals()
    change = stage.generate_arrays(stage1, seed=3)[0] - stage1
    assert not change[..., :100].any()
    weak, strong = np.abs(change[..., 110:170]).mean(), np.abs(change[..., 180:300]).mean()
    assert weak > 0.1 * strong  # the weak P wave, at 3% of the peak, is restored too
    if keep_below_hz:
        spectrum = np.abs(np.fft.rfft(change * np.hanning(320), axis=-1)).mean(axis=(0, 1, 2))
        frequency = np.fft.rfftfreq(320, 0.02)
        assert spectrum[frequency < 0.5].max() < 0.03 * spectrum[(frequency > 1.5) & (frequency < 5)].mean()


def test_a_network_that_does_not_see_stage_1_is_not_told_when_it_moves() -> None:
    blind, stage1 = BlindStage(make_stage().config), arrivals()
    assert (blind.generate_arrays(stage1, seed=3)[0] - stage1)[..., :100].any()


def test_regression_ignores_noise_steps_and_seed() -> None:
    stage, stage1 = make_stage(RegressionStage), wavefield()
    out = stage.generate_arrays(stage1, realizations=2, seed=1)
    assert out[0].tobytes() == out[1].tobytes()
    assert stage.generate_arrays(stage1, seed=9, steps=7)[0].tobytes() == out[0].tobytes()


def test_unconditional_network_does_not_see_the_traces() -> None:
    stage = BlindStage(DiffusionConfig.model_validate({"network": {"widths": [16], "embedding": 16}}))
    with torch.no_grad():
        stage.network.head.weight.normal_()
    x, step = torch.randn(2, 3, 80), torch.zeros(2)
    amplitude = torch.zeros(2)
    one, two = (Condition(traces=torch.randn(2, 3, 80), log_amplitude=amplitude) for _ in range(2))
    assert torch.equal(stage.network(x, one, step), stage.network(x, two, step))


def test_progress_comes_to_one() -> None:
    seen: list[float] = []
    make_stage().generate_arrays(wavefield(), realizations=2, on_progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert len(seen) == 2 * -(-NX * NY // MICRO_BATCH)


def test_saved_and_loaded_the_output_is_identical(tmp_path) -> None:  # type: ignore[no-untyped-def]
    stage, stage1 = make_stage(), wavefield()
    write_model_folder(tmp_path / "m", parts={"diffusion": stage.parts()}, about={}, card="card\n")
    folder = read_model_folder(tmp_path / "m")
    again = DiffusionStage.from_parts(folder.config.diffusion, folder.tensors()["diffusion"])
    assert again.generate_arrays(stage1, seed=2).tobytes() == stage.generate_arrays(stage1, seed=2).tobytes()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda c, t: t.pop("latents.target_gain"), "diffusion weights"),
        (lambda c, t: t.update(foreign=torch.zeros(1)), "diffusion weights"),
        (lambda c, t: t.update({"latents.target_gain": torch.zeros(3)}), "diffusion weights"),
        (lambda c, t: t["latents.target_gain"].fill_(float("nan")), "diffusion weights"),
        (lambda c, t: c.update(colour="red"), "diffusion.colour"),
        (lambda c, t: c["network"].update(patch=0), "diffusion.network.patch"),
    ],
)
def test_foreign_parts_are_refused(change, field) -> None:  # type: ignore[no-untyped-def]
    checked, tensors = make_stage().parts()
    config = checked.model_dump(mode="json")
    tensors = {name: tensor.clone() for name, tensor in tensors.items()}
    change(config, tensors)
    with pytest.raises(InputError) as refused:
        DiffusionStage.from_parts(validated(DiffusionConfig, config, "diffusion"), tensors)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("stage1", "keywords", "field"),
    [
        (np.zeros((3, 4, 4, 300), np.float32), {}, "stage-1 wavefield"),
        (np.full((3, 4, 4, 320), np.nan, np.float32), {}, "stage-1 wavefield"),
        (np.ones((3, 4, 4, 320), np.float32), {"realizations": 0}, "realizations"),
        (np.ones((3, 4, 4, 320), np.float32), {"steps": 0}, "steps"),
        (np.ones((3, 4, 4, 320), np.float32), {"steps": 5000}, "steps"),
    ],
)
def test_bad_requests_are_refused(stage1, keywords, field) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError) as refused:
        make_stage().generate_arrays(stage1, **keywords)
    assert refused.value.field == field


@pytest.mark.parametrize("patch", [1, 2, 4])
def test_network_keeps_shape_and_starts_at_zero(patch: int) -> None:
    config = DiffusionConfig.model_validate({"network": {"patch": patch, "widths": [16, 24, 32], "blocks": 2}})
    network = UNet1d(config.network)
    condition = Condition(traces=torch.randn(2, 3, 80), log_amplitude=torch.zeros(2))
    out = network(torch.randn(2, 3, 80), condition, torch.rand(2))
    assert out.shape == (2, 3, 80)
    assert not out.any()


def test_network_feels_step_and_amplitude() -> None:
    network = make_stage().network
    x, traces = torch.randn(1, 3, 80), torch.randn(1, 3, 80)

    def run(step: float, log_amplitude: float) -> torch.Tensor:
        condition = Condition(traces=traces, log_amplitude=torch.tensor([log_amplitude]))
        return network(x, condition, torch.tensor([step]))

    assert not torch.allclose(run(0.1, 0.0), run(0.9, 0.0))
    assert not torch.allclose(run(0.1, 0.0), run(0.1, -1.5))


def test_noise_that_is_alike_has_a_largest_grid() -> None:
    with pytest.raises(InputError, match=r"sampling\.noise_correlation: got 3 with 200 x 200 sensors; allowed: 0 "):
        noise_mixing(200, 200, 3.0)


def test_noise_of_each_sensor_alone_can_be_asked_of_a_model_of_alike_noise() -> None:
    stage, stage1 = make_stage(), wavefield()
    alike = of_alike_noise(stage)
    expected = stage.generate_arrays(stage1, seed=4, noise_correlation=0.0)
    assert alike.generate_arrays(stage1, seed=4, noise_correlation=0.0).tobytes() == expected.tobytes()
