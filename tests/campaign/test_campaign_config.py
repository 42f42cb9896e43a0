"""What a campaign may be asked for, and what is refused before any work."""

from __future__ import annotations

import numpy as np
import pytest

from spectremor.campaign.checks import check_campaign, warn_of_band
from spectremor.campaign.cluster import SlurmOptions, slurm_cluster
from spectremor.campaign.config import CampaignConfig, Scenario, load_scenario
from spectremor.campaign.memory import worker_memory_bytes
from spectremor.campaign.random_source import HEMEWS_SOURCE, random_source
from spectremor.campaign.store import open_campaign
from spectremor.core.errors import InputError, InputWarning
from spectremor.core.presets import preset_names
from spectremor.data.published import v1_source

TINY = CampaignConfig(scenario=load_scenario("tiny"), seed=1, grid_spacing_m=300, also_m=(600.0,))


def test_presets_are_the_published_scenarios():
    assert preset_names("campaigns") == ["hemew", "hemews", "system", "tiny"]
    hemews = load_scenario("hemews")
    assert hemews == Scenario()
    assert hemews.source == HEMEWS_SOURCE
    assert random_source(9, 3, load_scenario("hemew").source) == v1_source()
    assert len(hemews.time_s()) == 320
    np.testing.assert_allclose(hemews.sensors_x.positions_m()[[0, 1, -1]], [150, 450, 9450])


def test_a_scenario_from_a_file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("duration_s: 3.2\nsource: {z_m: [-5000, -1000]}\n")
    assert load_scenario(path).duration_s == 3.2
    for text in ("durations: 3\n", "duration_s: long\n", "source: [", "geology: {cells: [1, 2]}\n"):
        path.write_text(text)
        with pytest.raises(InputError, match="preset"):
            load_scenario(path)
    with pytest.raises(InputError, match="hemews"):
        load_scenario("none")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"grid_spacing_m": 370.0}, "divides the domain"),
        ({"also_m": (300.0,)}, "also"),
        ({"also_m": (600.0, 600.0)}, "also"),
        ({"also_m": (700.0,)}, "divides the domain"),
        ({"grid_spacing_m": 1200.0, "also_m": ()}, r"grid_spacing_m|source\.z"),
    ],
)
def test_bad_grids(change, message):
    with pytest.raises(InputError, match=message):
        check_campaign(TINY.model_copy(update=change), 4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source": {"x_m": (5000.0, 6000.0)}}, r"source\.x"),
        ({"source": {"z_m": (-400.0, -100.0)}}, r"source\.z"),
        ({"sensors_x": {"count": 3, "first_m": 0.0, "last_m": 9000.0}}, "sensors_x"),
        ({"duration_s": 0.01}, "duration_s"),
    ],
)
def test_bad_scenarios(change, message):
    raw = TINY.scenario.model_dump()
    for key, value in change.items():
        raw[key] = {**raw[key], **value} if isinstance(value, dict) else value
    config = TINY.model_copy(update={"scenario": Scenario.model_validate(raw)})
    with pytest.raises(InputError, match=message):
        check_campaign(config, 4)


def test_nothing_is_written_for_a_refused_campaign(tmp_path):
    for n in (0, 4):
        with pytest.raises(InputError):
            open_campaign(tmp_path / "d.zarr", TINY.model_copy(update={"grid_spacing_m": 370.0}), n)
    assert not list(tmp_path.iterdir())


def test_too_little_room_is_told_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _path: type("Usage", (), {"free": 10_000})())
    with pytest.raises(InputError, match="GB for 5 samples"):
        open_campaign(tmp_path / "d.zarr", TINY, 5)
    assert not list(tmp_path.iterdir())


def test_the_band_is_warned_about_with_numbers():
    with pytest.warns(InputWarning, match=r"300 m carries .* up to 1\.\d Hz; the low-pass lets 2 Hz through"):
        warn_of_band(TINY.model_copy(update={"also_m": ()}))


def test_a_store_is_continued_with_its_own_settings_only(tmp_path):
    path = tmp_path / "d.zarr"
    open_campaign(path, TINY, 5)
    assert open_campaign(path, TINY, 5).count == 5
    assert open_campaign(path, TINY, 3).count == 5
    grown = open_campaign(path, TINY, 9)
    assert grown.count == 9
    assert grown.source(8) == TINY.source(8)
    with pytest.raises(InputError, match=r"another seed.*its own seed: 1"):
        open_campaign(path, TINY.model_copy(update={"seed": 2}), 5)
    with pytest.raises(InputError, match="another grid_spacing_m"):
        open_campaign(path, TINY.model_copy(update={"grid_spacing_m": 150.0}), 5)


def test_another_solver_version_is_not_mixed_in(tmp_path, monkeypatch):
    path = tmp_path / "d.zarr"
    open_campaign(path, TINY, 5)
    monkeypatch.setattr("spectremor.simulation.settings.SOLVER_VERSION", 99)
    with pytest.raises(InputError, match="solver version"):
        open_campaign(path, TINY, 5)


def test_foreign_stores_are_refused(tmp_path):
    (tmp_path / "foreign.zarr").mkdir()
    with pytest.raises(InputError, match="store"):
        open_campaign(tmp_path / "foreign.zarr", TINY, 5)


def test_memory_of_a_worker_is_stated_and_grows_with_the_grid():
    fine = TINY.model_copy(update={"grid_spacing_m": 100.0})
    assert 0.5e9 < worker_memory_bytes(TINY) < worker_memory_bytes(fine) < 4e9


def test_slurm_job_script(tmp_path):
    pytest.importorskip("dask_jobqueue")
    path = tmp_path / "slurm.yaml"
    path.write_text(
        "queue: cpu\naccount: quake\nwalltime: '02:30:00'\ncores: 4\nmemory: 8GB\n"
        "job_extra_directives: ['--exclusive']\njob_script_prologue: ['module load python']\n"
    )
    with slurm_cluster(SlurmOptions.load(path)) as cluster:
        script = cluster.job_script()
    for line in (
        "#SBATCH -p cpu",
        "#SBATCH -A quake",
        "#SBATCH -t 02:30:00",
        "#SBATCH --cpus-per-task=4",
        "#SBATCH --exclusive",
        "export OMP_NUM_THREADS=1",
        "module load python",
    ):
        assert line in script.splitlines()
    assert "--nthreads 1" in script
    assert "--nworkers 4" in script
    path.write_text("partition: cpu\n")
    with pytest.raises(InputError, match="slurm"):
        SlurmOptions.load(path)
