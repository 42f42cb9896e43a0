"""Goodness of fit: equal to ObsPy's on every kind of trace, and right where the value is known."""

from __future__ import annotations

import threading

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import torch

from spectremor.core.errors import InputError
from spectremor.signal import wavelet
from spectremor.signal.gof import gof, gof_components

DT = 0.02


def traces(seed: int, *shape: int) -> np.ndarray:
    """Noise with a falling spectrum, like ground motion."""
    walk = np.cumsum(np.random.default_rng(seed).standard_normal(shape), axis=-1)
    return walk - walk.mean(axis=-1, keepdims=True)


def obspy_gof(prediction: np.ndarray, reference: np.ndarray, norm: str = "global", dt: float = DT, **settings: float):
    misfit = pytest.importorskip("obspy.signal.tf_misfit")
    settings = {"fmin": 0.01, "fmax": 5.0, "nf": 100, "w0": 6, **settings}
    pairs = list(zip(prediction, reference, strict=True))
    return tuple(
        np.array([score(p, r, dt=dt, norm=norm, **settings) for p, r in pairs]) for score in (misfit.eg, misfit.pg)
    )


def pair(kind: str) -> tuple[np.ndarray, np.ndarray]:
    reference = traces(1, 3, 3, 320)
    noise = traces(2, 3, 3, 320)
    return {
        "random": (noise, reference),
        "close": (reference + 0.01 * noise, reference),
        "clipped": (np.clip(reference, -0.3 * reference.std(), 0.3 * reference.std()), reference),
        "delayed": (np.roll(reference, 4, axis=-1), reference),
        "scaled": (2.0 * reference, reference),
        "flipped": (-reference, reference),
        "tiny": (1e-9 * noise, 1e-9 * reference),
        "very tiny": (1e-30 * noise, 1e-30 * reference),
        "far too small": (1e-6 * noise, reference),
        "uneven components": (noise * [[1], [1e-3], [1e3]], reference * [[1], [1e-4], [1e2]]),
        "offset": (noise + 20.0, reference - 5.0),
        "very short": (noise[..., :12], reference[..., :12]),
        "two samples": (noise[..., :2], reference[..., :2]),
        "odd length": (noise[..., :101], reference[..., :101]),
    }[kind]


KINDS = (
    "random", "close", "clipped", "delayed", "scaled", "flipped", "tiny", "very tiny", "far too small",
    "uneven components", "offset", "very short", "two samples", "odd length",
)  # fmt: skip


@pytest.mark.parametrize("norm", ["global", "local"])
@pytest.mark.parametrize("kind", KINDS)
def test_equals_obspy(kind: str, norm: str) -> None:
    prediction, reference = pair(kind)
    expected = obspy_gof(prediction, reference, norm)
    for precision, tolerance in (("float64", 1e-6), ("float32", 1e-4)):
        found = gof_components(prediction, reference, DT, norm=norm, precision=precision)
        for score, truth in zip(found, expected, strict=True):
            np.testing.assert_allclose(score, truth, rtol=0, atol=tolerance)


@pytest.mark.parametrize(
    "settings",
    [
        {"nf": 1, "fmin": 2.0, "fmax": 2.0},
        {"nf": 37, "w0": 8.0},
        {"w0": 4.0, "fmax": 12.0},
        {"fmin": 1.0, "fmax": 24.0},
        {"fmin": 0.1, "fmax": 3.0, "nf": 13},
    ],
)
@pytest.mark.parametrize("dt", [0.02, 0.013])
def test_equals_obspy_at_other_settings(settings: dict[str, float], dt: float) -> None:
    prediction, reference = pair("random")
    expected = obspy_gof(prediction, reference, dt=dt, **settings)
    names = {"fmin": "fmin_hz", "fmax": "fmax_hz", "nf": "nf", "w0": "w0"}
    found = gof(prediction, reference, dt, **{names[k]: v for k, v in settings.items()}, precision="float64")
    for score, truth in zip(found, expected, strict=True):
        np.testing.assert_allclose(score, truth.mean(axis=-1), rtol=0, atol=1e-6)


def test_equals_obspy_on_simulated_motion(hemew3d) -> None:
    from spectremor.data.wavefield_files import read_wavefield

    fields = [read_wavefield(hemew3d / f"sample{i}.h5").values[:, ::7, ::9] for i in (0, 1)]
    first, second = (np.moveaxis(f, 0, -2).reshape(-1, 3, f.shape[-1]).astype(float) for f in fields)
    for prediction in (second, np.roll(first, 3, axis=-1)):
        expected = [s.mean(axis=-1) for s in obspy_gof(prediction, first)]
        for precision, tolerance in (("float64", 1e-6), ("float32", 1e-4)):
            found = gof(prediction, first, DT, precision=precision)
            np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


def test_known_values() -> None:
    reference = traces(3, 4, 3, 320)
    for score in gof(reference, reference, DT):
        np.testing.assert_allclose(score, 10.0, atol=1e-6)
    eg, pg = gof(2.0 * reference, reference, DT, norm="local")
    np.testing.assert_allclose(eg, 10 / np.e, atol=1e-4)
    alike = np.repeat(reference[:, :1], 3, axis=1)
    np.testing.assert_allclose(gof(2.0 * alike, alike, DT)[0], 10 / np.e, atol=1e-4)
    np.testing.assert_allclose(pg, 10.0, atol=1e-4)
    eg, pg = gof(-reference, reference, DT, norm="local")
    np.testing.assert_allclose(eg, 10.0, atol=1e-4)
    np.testing.assert_allclose(pg, 0.0, atol=1e-4)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_long_traces_by_fft_equal_the_matrices(precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    prediction, reference = traces(4, 2, 3, 301), traces(5, 2, 3, 301)
    by_matrices = gof(prediction, reference, DT, precision=precision)
    monkeypatch.setattr(wavelet, "MATRIX_SAMPLES", 300)
    wavelet.wavelet_plan.cache_clear()
    try:
        by_fft = gof(prediction, reference, DT, precision=precision)
    finally:
        wavelet.wavelet_plan.cache_clear()
    np.testing.assert_allclose(by_fft, by_matrices, rtol=0, atol=1e-4 if precision == "float32" else 1e-9)


def test_a_long_record_equals_obspy() -> None:
    prediction, reference = traces(6, 1, 1, 3000), traces(7, 1, 1, 3000)
    expected = [s.mean(axis=-1) for s in obspy_gof(prediction, reference, nf=7, fmin=0.1)]
    found = gof(prediction, reference, DT, nf=7, fmin_hz=0.1, precision="float64")
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_undefined_sensors_are_nan_and_alone() -> None:
    reference, prediction = traces(8, 6, 3, 320), traces(9, 6, 3, 320)
    expected = gof(prediction, reference, DT)
    prediction[0, 1, 5], reference[1, 2, 7], prediction[2] = np.nan, np.inf, 0.0
    reference[3, 0] = -0.0
    for score, truth in zip(gof(prediction, reference, DT), expected, strict=True):
        assert np.isnan(score[:4]).all()
        np.testing.assert_allclose(score[4:], truth[4:], atol=1e-5)
    assert np.isnan(gof(np.zeros((3, 320)), np.zeros((3, 320)), DT)).all()


def test_shapes_and_batches() -> None:
    reference, prediction = traces(10, 5, 7, 3, 64), traces(11, 5, 7, 3, 64)
    eg, pg = gof(prediction, reference, DT)
    assert eg.shape == pg.shape == (5, 7)
    alone = gof(prediction[2, 4], reference[2, 4], DT)
    assert alone[0].shape == ()
    np.testing.assert_allclose(alone, (eg[2, 4], pg[2, 4]), atol=1e-5)
    assert gof(prediction[:0], reference[:0], DT)[0].shape == (0, 7)


def test_threads_change_nothing_and_are_given_back() -> None:
    reference, prediction = traces(12, 200, 3, 320), traces(13, 200, 3, 320)
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            results.append(np.stack(gof(prediction, reference, DT)))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(*results)
    assert threading.active_count() < 50


@hypothesis.settings(max_examples=25, deadline=None)
@hypothesis.given(
    seed=st.integers(0, 2**32 - 1),
    samples=st.integers(2, 90),
    unit=st.floats(-12, 12).map(lambda e: 10.0**e),
)
def test_properties(seed: int, samples: int, unit: float) -> None:
    """Scores stay in [0, 10], and know no unit and no sign shared by both."""
    reference, prediction = traces(seed, 2, 3, samples), traces(seed + 1, 2, 3, samples)
    scores = np.stack(gof(prediction, reference, DT))
    assert np.all((scores >= -1e-4) & (scores <= 10 + 1e-9))
    np.testing.assert_allclose(gof(unit * prediction, unit * reference, DT), scores, atol=1e-4)
    np.testing.assert_allclose(gof(-prediction, -reference, DT), scores, atol=1e-4)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"dt_s": 0.0}, "dt_s"),
        ({"dt_s": float("nan")}, "dt_s"),
        ({"fmin_hz": 0.0}, "fmin_hz"),
        ({"fmin_hz": 6.0}, "fmin_hz"),
        ({"nf": 0}, "nf"),
        ({"w0": -1.0}, "w0"),
        ({"prediction": np.ones((3, 9))}, "prediction"),
        ({"prediction": np.ones((3, 1)), "reference": np.ones((3, 1))}, "reference"),
    ],
)
def test_bad_settings_are_named(change: dict[str, object], field: str) -> None:
    arguments = {"prediction": np.ones((3, 10)), "reference": np.ones((3, 10)), "dt_s": DT} | change
    with pytest.raises(InputError, match=field):
        gof(**arguments)
