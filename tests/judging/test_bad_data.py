"""Campaigns with a NaN sensor, or with records too short for a band: reported, and averaged nowhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import zarr

from spectremor.core.errors import InputError
from spectremor.judging.benchmark import Settings, run_benchmark
from spectremor.report.benchmark_report import write_report

NY = 5


def judged(store, shrunk):
    return run_benchmark(store, {"m": shrunk(store)}, settings=Settings(realizations=2))


def test_a_nan_sensor_is_counted_and_averaged_nowhere(campaign, shrunk, tmp_path: Path) -> None:
    clean = judged(campaign(tmp_path / "clean.zarr", 160), shrunk)
    store = campaign(tmp_path / "broken.zarr", 160)
    # No writer lets a NaN in; a damaged or foreign store may hold one.
    array = zarr.open_group(store.path, mode="r+")["velocity"]
    block = array[2]
    block[1, 2, 3, 7] = np.nan
    array[2] = block
    found = judged(store, shrunk)
    bad = 2 * NY + 3
    for tally, whole in zip(found.tallies, clean.tallies, strict=True):
        assert [row["undefined_sensors"] for row in tally.rows] == [0, 1]
        for metric in ("EG", "PG", "ln_bias_high", "rMAE_raw"):
            assert np.isnan(tally.sensors[1][metric][bad])
            rest = np.delete(whole.sensors[1][metric], bad)
            # What is kept of errors and biases at sensors has half precision.
            rel = 1e-4 if metric in ("EG", "PG") else 1e-3
            assert tally.rows[1][metric] == pytest.approx(rest.astype(float).mean(), rel=rel, abs=1e-6)
        assert np.isfinite(tally.traits[1].spectrum).all()
        assert np.isfinite(np.delete(tally.traits[1].response, _few_index(bad), axis=0)).all()
    assert any("1 sensors with NaN or no motion" in r for r in found.remarks)
    page = write_report(found, tmp_path / "report").read_text()
    assert "all 35 sensors" in page
    assert "1 undefined" in page


def _few_index(sensor: int) -> np.ndarray:
    few = np.unique(np.linspace(0, 34, 24).round().astype(int))
    return np.flatnonzero(few == sensor)


def test_what_a_short_record_cannot_resolve_is_said(campaign, shrunk, tmp_path: Path) -> None:
    found = judged(campaign(tmp_path / "short.zarr", 20), shrunk)
    assert all(np.isnan(row["ln_bias_mid"]) for row in found.tallies[0].rows)
    assert np.isfinite(found.tallies[0].rows[0]["EG"])
    assert any("bias_mid is undefined" in r and "0.4 s" in r for r in found.remarks)
    assert any("coherency is undefined" in r for r in found.remarks)
    assert "bias_mid is undefined" in write_report(found, tmp_path / "report").read_text()


def test_an_empty_split_is_refused(campaign, shrunk, tmp_path: Path) -> None:
    store = campaign(tmp_path / "no_test.zarr", 160, splits=(0, 0))
    with pytest.raises(InputError, match=r"split.*test \(no complete sample\)"):
        judged(store, shrunk)
