"""Truth is sound up to what its grid carried, event by event: nothing above that is counted, and the report says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spectremor.data.store import CampaignStore
from spectremor.judging.benchmark import Settings, run_benchmark, sound_up_to_hz
from spectremor.judging.scores import sensor_scores
from spectremor.report.benchmark_report import write_report

BANDS_HZ = (5.0, 3.27, 2.4)


@pytest.fixture
def store(campaign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CampaignStore:
    made = campaign(tmp_path / "bands.zarr", 160)
    monkeypatch.setattr(type(made), "band_high_hz", lambda self, i, spacing_m=None: BANDS_HZ[i])
    return made


def test_scores_end_where_the_truth_does(store: CampaignStore, shrunk, tmp_path: Path, monkeypatch) -> None:
    assert [sound_up_to_hz(store, i) for i in range(3)] == [5.0, 3.2, 2.4]
    run = run_benchmark(store, {"m": shrunk(store)}, settings=Settings(realizations=3, residual_samples=0))
    assert run.highest_hz == [3.2, 2.4]
    truth = run.truth[1].spectrum
    frequency = np.fft.rfftfreq(160, 0.02)
    assert np.isfinite(truth[frequency <= 2.4]).all()
    assert np.isnan(truth[frequency > 2.41]).all()
    for tally in run.tallies:
        assert np.isnan(tally.traits[1].spectrum[frequency > 2.41]).all()
        # SA(0.3 s) is motion at 3.3 Hz.
        assert np.isnan(tally.ensemble[0][:, 1]).all()
        assert np.isfinite(tally.ensemble[0][:, 2]).all()
    assert any("sound up to 2.4 to 3.2 Hz (median 2.8 Hz)" in remark for remark in run.remarks)
    assert "sound up to 2.4 to 3.2 Hz" in write_report(run, tmp_path / "report").read_text()


def test_what_a_prediction_does_above_the_band_changes_no_score() -> None:
    rng = np.random.default_rng(0)
    time = np.arange(320) * 0.02
    truth = (np.sin(2 * np.pi * 1.5 * time) * np.exp(-(((time - 3) / 0.8) ** 2)) * rng.uniform(1, 2, (4, 3, 1))).astype(
        np.float32
    )
    above = 0.5 * np.sin(2 * np.pi * 4.6 * time) * np.exp(-(((time - 3) / 0.8) ** 2))
    wrong = (0.9 * truth + above).astype(np.float32)
    whole, cut = (sensor_scores(wrong, truth, 0.02, highest_hz=highest) for highest in (5.0, 2.5))
    clean = sensor_scores((0.9 * truth).astype(np.float32), truth, 0.02, highest_hz=2.5)
    assert (whole["EG"] < cut["EG"] - 0.2).all()
    assert cut["EG"] == pytest.approx(clean["EG"], abs=0.1)
    assert cut["ln_bias_high"] == pytest.approx(clean["ln_bias_high"], abs=0.2)
    assert (whole["ln_bias_high"] > 1).all()
