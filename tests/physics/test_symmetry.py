"""What must hold: the 8 symmetries of the square, and linearity in the moment tensor."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from spectremor.core.geology import make_geology
from spectremor.core.recording import Recording, SensorGrid
from spectremor.core.source import Source
from spectremor.simulation.elastic import simulate, simulate_many
from spectremor.simulation.settings import SimulationSettings

EXTENT = (2700.0, 2100.0, 2400.0)
POSITION = (1100.0, 850.0, -1130.0)
TENSOR = np.array([[1.0, 0.4, -0.7], [0.4, -0.3, 0.2], [-0.7, 0.2, -0.5]]) * 1e16
SETTINGS = {"grid_spacing_m": 150.0, "duration_s": 1.6, "lowpass_hz": 3.0}


def vs() -> np.ndarray:
    return np.random.default_rng(2).uniform(3000, 4400, (10, 8, 9))


def sensors() -> tuple[np.ndarray, np.ndarray]:
    return np.array([600.0, 1230.0, 2100.0]), np.array([610.0, 1400.0])


def matrices() -> list[np.ndarray]:
    """Mirrors and rotations that map the axes x and y onto each other."""
    found = []
    for swap, sx, sy in itertools.product((False, True), (1, -1), (1, -1)):
        plane = np.diag([sx, sy])
        plane = plane[::-1] if swap else plane
        full = np.eye(3)
        full[:2, :2] = plane
        found.append(full)
    return found


@pytest.fixture(scope="module")
def original():
    source = Source.from_tensor(position_m=POSITION, tensor_nm=TENSOR, rise_time_s=0.1)
    return simulate(make_geology(vs(), EXTENT), source, sensors_m=sensors(), **SETTINGS)


@pytest.mark.parametrize("matrix", matrices(), ids=lambda m: "".join(f"{int(v):+d}" for v in m[:2, :2].reshape(-1)))
def test_eight_symmetries(original, matrix):
    swap = matrix[0, 0] == 0
    array = vs().transpose(1, 0, 2) if swap else vs()
    size = np.array([EXTENT[1], EXTENT[0]] if swap else EXTENT[:2])
    flips = matrix[:2, :2].sum(axis=1) < 0
    array = array[:: -1 if flips[0] else 1, :: -1 if flips[1] else 1]
    shift = np.array([*np.where(flips, size, 0.0), 0.0])
    source = Source.from_tensor(
        position_m=tuple(matrix @ np.array(POSITION) + shift), tensor_nm=matrix @ TENSOR @ matrix.T, rise_time_s=0.1
    )
    axes = sensors()[::-1] if swap else sensors()
    axes = tuple(np.sort(s - a if f else a) for a, s, f in zip(axes, size, flips, strict=True))
    found = simulate(make_geology(array, (*size, EXTENT[2])), source, sensors_m=axes, **SETTINGS).values

    expected = np.einsum("ij,jxyt->ixyt", matrix, original.values)
    expected = expected.transpose(0, 2, 1, 3) if swap else expected
    expected = expected[:, :: -1 if flips[0] else 1, :: -1 if flips[1] else 1]
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()


def test_linear_in_the_moment_tensor_and_independent_of_company():
    geology = make_geology(vs(), EXTENT)
    tensors = [TENSOR, np.diag([3e16, -1e16, 2e16]), TENSOR + np.diag([3e16, -1e16, 2e16])]
    sources = [Source.from_tensor(position_m=POSITION, tensor_nm=t, rise_time_s=0.1) for t in tensors]
    recording = Recording(sensors=SensorGrid(*sensors()), samples=80, sampling_hz=50.0, lowpass_hz=3.0)
    fields = simulate_many([geology], sources, recording, SimulationSettings(grid_spacing_m=150.0), batch_size=2)
    a, b, both = (f.values for f in fields)
    assert np.abs(a + b - both).max() <= 1e-5 * np.abs(both).max()
    alone = simulate(geology, sources[1], sensors_m=sensors(), **SETTINGS)
    np.testing.assert_array_equal(alone.values, b)
    # What a run of its own says besides: from when on its absorbing sides could matter.
    assert {name: value for name, value in alone.attrs.items() if name != "absorbing_sides_from_s"} == fields[1].attrs
