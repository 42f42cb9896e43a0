"""benchmarks/arrivals.py, small: it simulates, carries on, compares and draws."""

from __future__ import annotations

from pathlib import Path

import pytest

from spectremor.data.store import CampaignStore

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "arrivals.py"


@pytest.mark.slow
@pytest.mark.shared_data
def test_arrivals_of_a_growing_campaign(hemew3d, tmp_path, script, monkeypatch):
    monkeypatch.setenv("SPECTREMOR_SHARED", str(hemew3d.parent))
    words = f"--store {tmp_path}/v1.zarr --grid-spacing 600 --duration 3 --workers 1 --out {tmp_path}".split()
    for count in (2, 3):
        assert f"{count} simulations against 30000 published" in script(SCRIPT, *words, "--n", count)
    store = CampaignStore.open(tmp_path / "v1.zarr")
    assert len(store.ids()) == 3
    assert store.source(0) == store.source(2)
    assert (len(store.x_m), store.sampling_hz) == (16, pytest.approx(100.0))
    assert (tmp_path / "arrivals.png").stat().st_size > 10_000
