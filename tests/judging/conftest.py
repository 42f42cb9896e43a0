"""A small store of made-up waves (7 x 5 sensors) and models that know the truth and spoil it in known ways."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from spectremor.core.geology import Geology
from spectremor.core.source import Source
from spectremor.core.trained_range import TrainedRange
from spectremor.core.wavefield import make_wavefield
from spectremor.data.store import CampaignStore
from spectremor.data.store_writer import StoreLayout, StoreWriter, create_store
from spectremor.model.pipeline import GroundMotionModel
from spectremor.signal.filters import low_pass

DT, SAMPLES, NX, NY = 0.02, 160, 7, 5
X_M, Y_M = 150.0 + 300.0 * np.arange(NX), 150.0 + 300.0 * np.arange(NY)
EXTENT_M, NODES = (2100.0, 1500.0, 2400.0), (5, 4, 6)
#: train, val, test; event 5 has a sensor without motion.
SPLITS = (0, 0, 0, 1, 2, 2, 2)
SILENT = (5, 2, 3)
#: What the models that know the truth may be asked for.
RANGE = TrainedRange(
    extent_m=EXTENT_M, nodes=NODES, source_low_m=(0.0, 0.0, -2400.0), source_high_m=(2100.0, 1500.0, 0.0)
)


def waves(seed: int) -> np.ndarray:
    """Pulses that cross the array at 2 km/s, each sensor's a little its own: (3, x, y, time)."""
    rng = np.random.default_rng(seed)
    time = np.arange(SAMPLES) * DT - ((X_M[:, None] + 0.5 * Y_M[None, :]) / 2000.0 + 0.2)[..., None]
    field = np.zeros((3, NX, NY, SAMPLES))
    for component in field:
        for frequency in rng.uniform(0.4, 4.8, 12):
            component += np.sin(2 * np.pi * frequency * time + rng.uniform(0, 6) + 0.3 * rng.random((NX, NY, 1)))
    return (0.02 * field * np.exp(-2 * np.abs(time - 0.6))).astype(np.float32)


def source_of_event(event: int) -> Source:
    return Source.from_angles(position_m=(800.0 + 50 * event, 700.0, -1500.0), strike_deg=20, dip_deg=50, rake_deg=60)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> CampaignStore:
    path = tmp_path_factory.mktemp("store") / "waves.zarr"
    layout = StoreLayout(
        geology_shape=NODES,
        extent_m=EXTENT_M,
        x_m=X_M,
        y_m=Y_M,
        time_s=np.arange(SAMPLES) * DT,
        band_high_hz=5.0,
        grid_spacing_m=150.0,
        also_m=(300.0,),
    )
    create_store(path, layout, [source_of_event(i) for i in range(len(SPLITS))], {"title": "waves"}, splits=SPLITS)
    writer = StoreWriter(path)
    for event in range(len(SPLITS)):
        truth = waves(event)
        if event == SILENT[0]:
            truth[:, SILENT[1], SILENT[2]] = 0.0
        coarse = low_pass(truth.astype(float), DT, 3.0).astype(np.float32)
        vs = np.random.default_rng(event).uniform(1500, 3500, NODES).astype(np.float32)
        writer.commit(event, writer.write(event, vs, {None: truth, 300.0: coarse}))
    return CampaignStore.open(path)


class Smoothed:
    """A stage 1 that loses high frequencies: the truth below a corner, at 80% of its amplitude."""

    name = "truth below a corner frequency"

    def __init__(self, store: CampaignStore, corner_hz: float = 2.0, time_s: np.ndarray | None = None) -> None:
        self.store, self.corner_hz, self.time_s = store, corner_hz, time_s

    def predict(self, geology: Geology, source: Source) -> xr.DataArray:
        event = round((source.position_m[0] - 800.0) / 50.0)
        field = 0.8 * low_pass(self.store.velocity(event).astype(float), DT, self.corner_hz)
        time = self.store.time_s if self.time_s is None else self.time_s
        return make_wavefield(field[..., : len(time)], x_m=X_M, y_m=Y_M, time_s=time, source=source)

    def predict_arrays(self, geologies: list[Geology], sources: list[Source]) -> np.ndarray:
        raise NotImplementedError


class Noisy:
    """A second stage: what it was given, with noise of its own seed and sensor."""

    def __init__(self, level: float = 0.002) -> None:
        self.level = level

    def generate_at(self, stage1, sensors, *, realizations=1, seed=0, steps=None, sampler=None) -> np.ndarray:
        traces = np.moveaxis(stage1.reshape(3, -1, stage1.shape[-1])[:, sensors], 0, 1)
        noise = [
            [np.random.default_rng([seed, r, int(s)]).standard_normal(traces.shape[1:]) for s in sensors]
            for r in range(realizations)
        ]
        return (traces + self.level * np.array(noise)).astype(np.float32)


class Restorer:
    """A baseline that draws nothing: what it was given, with one noise of each sensor's own."""

    model_id, trained_range = "restorer@1", TrainedRange()

    def restore_at(self, stage1, sensors) -> np.ndarray:
        return Noisy().generate_at(stage1, sensors)[0]


@pytest.fixture(scope="session")
def regression() -> Restorer:
    return Restorer()


@pytest.fixture(scope="session")
def model(store: CampaignStore) -> GroundMotionModel:
    return GroundMotionModel(stage1=Smoothed(store), diffusion=Noisy(), model_id="standin@1", trained_range=RANGE)


@pytest.fixture(scope="session")
def truth(store: CampaignStore) -> xr.DataArray:
    return store.wavefield(4)


@pytest.fixture(scope="session")
def report_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reports")


@pytest.fixture(scope="session")
def campaign():
    """Makes a store of events of so many samples, one to train on and two to test by default."""

    def make(path: Path, samples: int, splits: tuple[int, ...] = (0, 2, 2)) -> CampaignStore:
        layout = StoreLayout(
            geology_shape=NODES,
            extent_m=EXTENT_M,
            x_m=X_M,
            y_m=Y_M,
            time_s=np.arange(samples) * DT,
            band_high_hz=5.0,
            grid_spacing_m=150.0,
            also_m=(),
        )
        create_store(path, layout, [source_of_event(i) for i in range(len(splits))], {"title": "waves"}, splits=splits)
        writer = StoreWriter(path)
        for event in range(len(splits)):
            vs = np.random.default_rng(event).uniform(1500, 3500, NODES).astype(np.float32)
            writer.commit(event, writer.write(event, vs, {None: waves(event)[..., :samples]}))
        return CampaignStore.open(path)

    return make


class Shrunk(Smoothed):
    """A stage 1 that gives the truth at 80%, of any length, and something where the truth is NaN."""

    def predict(self, geology: Geology, source: Source) -> xr.DataArray:
        event = round((source.position_m[0] - 800.0) / 50.0)
        field = 0.8 * np.nan_to_num(self.store.velocity(event)) + 1e-4
        return make_wavefield(field, x_m=X_M, y_m=Y_M, time_s=self.store.time_s, source=source)


@pytest.fixture(scope="session")
def shrunk():
    """Makes a model around that stage 1."""
    return lambda store: GroundMotionModel(
        stage1=Shrunk(store), diffusion=Noisy(), model_id="shrunk@1", trained_range=RANGE
    )
