"""A small store of made-up waves (8 x 6 sensors) and a model folder with fresh weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from spectremor.core.source import Source
from spectremor.data.normalisation import GeologyNormalisation
from spectremor.data.store_writer import StoreLayout, StoreWriter, create_store
from spectremor.diffusion.config import DiffusionConfig, LatentConfig, NetworkConfig
from spectremor.diffusion.stage import DiffusionStage
from spectremor.model.folder import write_model_folder
from spectremor.signal.filters import low_pass
from spectremor.surrogate.config import MifnoConfig, NetworkDomainConfig
from spectremor.surrogate.mifno import MifnoSurrogate
from spectremor.surrogate.network import Mifno

DT_S, SAMPLES = 0.02, 128
NX, NY = 8, 6
X_M, Y_M = 150.0 + 300.0 * np.arange(NX), 150.0 + 300.0 * np.arange(NY)
EXTENT_M = (2400.0, 1800.0, 2400.0)
NODES = (5, 4, 6)
COARSE_M = 300.0
#: train, val, test; the last sample is never written.
SPLITS = (0, 0, 0, 0, 1, 2, 2, 2)


def waves(seed: int) -> np.ndarray:
    """A pulse that crosses the sensors at 2 km/s, a little different on each: (3, x, y, time)."""
    rng = np.random.default_rng(seed)
    delay = (X_M[:, None] + 0.5 * Y_M[None, :]) / 2000.0 + 0.2
    time = np.arange(SAMPLES) * DT_S - delay[..., None]
    field = np.zeros((3, NX, NY, SAMPLES))
    for component in range(3):
        for frequency in rng.uniform(0.7, 4.5, 6):
            phase = rng.uniform(0, 6.28) + 0.3 * rng.standard_normal((NX, NY, 1))
            field[component] += np.sin(2 * np.pi * frequency * time + phase) / frequency
    return (0.02 * field * np.exp(-2 * np.abs(time - 0.3))).astype(np.float32)


@pytest.fixture(scope="session")
def store_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "waves.zarr"
    layout = StoreLayout(
        geology_shape=NODES,
        extent_m=EXTENT_M,
        x_m=X_M,
        y_m=Y_M,
        time_s=np.arange(SAMPLES) * DT_S,
        band_high_hz=5.0,
        grid_spacing_m=150.0,
        also_m=(COARSE_M,),
    )
    sources = [
        Source.from_angles(position_m=(1000.0 + 50 * i, 900.0, -1500.0), strike_deg=20.0 * i, dip_deg=50, rake_deg=60)
        for i in range(len(SPLITS))
    ]
    create_store(path, layout, sources, {"title": "made-up waves"}, splits=SPLITS)
    writer = StoreWriter(path)
    rng = np.random.default_rng(0)
    for i in range(len(SPLITS) - 1):
        truth = waves(i)
        coarse = low_pass(truth.astype(float), DT_S, 2.0).astype(np.float32)
        vs = rng.uniform(1500, 3500, NODES).astype(np.float32)
        writer.commit(i, writer.write(i, vs, {None: truth, COARSE_M: coarse}))
    return path


@pytest.fixture(scope="session")
def diffusion_stage() -> DiffusionStage:
    torch.manual_seed(1)
    config = DiffusionConfig(
        latent=LatentConfig(time_samples=SAMPLES, latent_samples=32),
        network=NetworkConfig(widths=(16, 16), embedding=16),
        sampling={"steps": 2},
    )
    stage = DiffusionStage(config)
    with torch.no_grad():  # a fresh head is zero: every sensor would get its noise alone
        stage.network.head.weight.normal_(0, 0.05)
    return stage.eval()


def _surrogate() -> MifnoSurrogate:
    torch.manual_seed(2)
    domain = NetworkDomainConfig(
        extent_m=EXTENT_M,
        nodes=NODES,
        sensors=(NX, NY),
        last_sensor_m=(X_M[-1], Y_M[-1]),
        samples=SAMPLES,
        source_low_m=(300.0, 300.0, -2300.0),
        source_high_m=(2000.0, 1500.0, -600.0),
    )
    config = MifnoConfig(
        domain=domain, steps=40, period_s=3.2, geology_width=4, geology_layers=1, context_layers=2, wave_width=4,
        wave_layers=1, modes=(3, 3, 3), time_modes=12,
    )  # fmt: skip
    mean = np.full(NODES, 2500.0)
    return MifnoSurrogate(Mifno(config).eval(), GeologyNormalisation(mean, np.full(NODES, 500.0)))


@pytest.fixture(scope="session")
def model_path(tmp_path_factory: pytest.TempPathFactory, diffusion_stage: DiffusionStage) -> Path:
    path = tmp_path_factory.mktemp("model") / "tiny"
    parts = {"surrogate": _surrogate().parts(), "diffusion": diffusion_stage.parts()}
    write_model_folder(path, parts=parts, about={}, card="fresh weights")
    return path


@pytest.fixture(scope="session")
def stage1_only_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "stage1"
    write_model_folder(path, parts={"surrogate": _surrogate().parts()}, about={}, card="stage 1 alone")
    return path
