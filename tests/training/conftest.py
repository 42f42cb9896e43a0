"""A campaign small enough to train on in a second: random traces, and a smoothed version of them as a coarse grid's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spectremor.core.axes import sensor_axis_m, time_axis_s
from spectremor.core.source import Source
from spectremor.data.store_writer import StoreLayout, StoreWriter, create_store
from spectremor.training.config import DdpmTraining, MifnoTraining, parse_config

SENSORS, SAMPLES, HZ = 6, 96, 15.0
SPLITS = [0, 0, 0, 0, 1, 0, 2]


@pytest.fixture(scope="session")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven samples, 6 x 6 sensors, 6.4 s at 15 Hz."""
    path = tmp_path_factory.mktemp("campaign") / "store.zarr"
    layout = StoreLayout(
        geology_shape=(8, 8, 8),
        extent_m=(9600.0, 9600.0, 9600.0),
        x_m=sensor_axis_m(SENSORS),
        y_m=sensor_axis_m(SENSORS),
        time_s=time_axis_s(SAMPLES, HZ),
        band_high_hz=5.0,
        grid_spacing_m=150.0,
        also_m=(300.0,),
    )
    rng = np.random.default_rng(0)
    sources = [
        Source.from_angles(position_m=(4000.0 + 300 * i, 4800.0, -3000.0), strike_deg=30 * i, dip_deg=50, rake_deg=10)
        for i in range(len(SPLITS))
    ]
    create_store(path, layout, sources, {}, SPLITS)
    writer = StoreWriter(path)
    for i in range(len(SPLITS)):
        vs = (2500 + 300 * rng.standard_normal((8, 8, 8))).clip(1100, 4400).astype(np.float32)
        truth = 1e-3 * rng.standard_normal((3, SENSORS, SENSORS, SAMPLES)).astype(np.float32)
        coarse = (truth + np.roll(truth, 1, axis=-1)) / 2
        writer.commit(i, writer.write(i, vs, {None: truth, 300.0: coarse}))
    return path


@pytest.fixture(scope="session")
def ddpm_config() -> DdpmTraining:
    """Eight steps of a network of a few thousand weights."""
    return parse_config(
        {
            "model": {
                "latent": {"time_samples": SAMPLES, "sampling_hz": HZ, "latent_samples": 40},
                "network": {"widths": [8, 16], "embedding": 16, "dropout": 0.1},
                "sampling": {"steps": 2},
            },
            "steps": 8,
            "batch": 16,
            "samples_per_batch": 2,
            "warmup": 2,
            "ema_decay": 0.8,
            "learning_rate": 0.01,
            "validate_every": 4,
            "checkpoint_every": 2,
            "validation_sensors": 8,
            "scored_sensors": 4,
        },
        "ddpm",
    )


@pytest.fixture(scope="session")
def mifno_config() -> MifnoTraining:
    """Four steps of the smallest network."""
    return parse_config(
        {
            "model": {
                "domain": {"nodes": [8, 8, 8], "sensors": [SENSORS, SENSORS], "samples": SAMPLES, "sampling_hz": HZ},
                "steps": 24,
                "geology_width": 4,
                "geology_layers": 1,
                "context_layers": 1,
                "wave_width": 4,
                "wave_layers": 1,
                "modes": [3, 3, 3],
                "time_modes": 6,
            },
            "steps": 4,
            "batch": 3,
            "warmup": 1,
            "ema_decay": 0.8,
            "validate_every": 2,
            "checkpoint_every": 1,
        },
        "mifno",
    )
