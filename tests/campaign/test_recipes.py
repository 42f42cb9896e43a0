"""Recipes, presets and SLURM options that cannot be: named, with their value, before any work; exit code 2."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from spectremor.campaign.cluster import SlurmOptions
from spectremor.campaign.config import CampaignConfig, Scenario, load_scenario
from spectremor.campaign.memory import worker_memory_bytes
from spectremor.campaign.random_geology import GeologyRecipe
from spectremor.campaign.random_source import SourceRecipe
from spectremor.core.errors import InputError

BAD_GEOLOGIES = [
    ("layers", "[0, 0]"),
    ("layers", "[5, 2]"),
    ("bottom_cells", "40"),
    ("bottom_cells", "32"),
    ("cells", "[1, 32, 32]"),
    ("correlation_lengths_m", "[]"),
    ("correlation_lengths_m", "[1500, -3000]"),
    ("correlation_lengths_m", "[.inf]"),
    ("mean_vs_m_s", "[3214, 1785]"),
    ("mean_vs_m_s", "[.nan, 3214]"),
    ("mean_vs_m_s", "[-100, 3214]"),
    ("vs_range_m_s", "[4500, 1071]"),
    ("vs_range_m_s", "[1071, 20000]"),
    ("variation", "[0.2, -0.1]"),
    ("bottom_vs_m_s", ".inf"),
    ("cell_m", ".nan"),
    ("hurst", ".inf"),
]
BAD_SOURCES = [
    ("x_m", "[8400, 1200]"),
    ("y_m", "[.nan, 8400]"),
    ("z_m", "[-600, -9000]"),
    ("z_m", "[-600, 100]"),
    ("strike_deg", "[360, 0]"),
    ("dip_deg", "[0, 120]"),
    ("rake_deg", "[0, .inf]"),
    ("rise_time_s", ".inf"),
]


@pytest.fixture
def create(capsys, here):
    """Gives the one line with which `dataset create` ends, with code 2."""

    def call(*words) -> str:
        code = here("dataset", "create", "--n", 2, *words)
        (line,) = capsys.readouterr().err.splitlines()
        assert code == 2, line
        return line

    return call


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [("geology", *pair) for pair in BAD_GEOLOGIES] + [("source", *pair) for pair in BAD_SOURCES],
)
def test_a_wrong_recipe_is_named_with_its_value(part, key, value, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(f"{part}: {{{key}: {value}}}\n")
    with pytest.raises(
        InputError, match=rf"^preset\.{part}(\.{key}[.0-9]*: got .*|: got this combination); allowed: \w"
    ):
        load_scenario(path)


def test_a_default_bottom_in_too_few_cells():
    with pytest.raises(ValidationError, match="fewer than the 6 cells along z"):
        GeologyRecipe(cells=(8, 8, 6))
    assert GeologyRecipe(cells=(8, 8, 7)).bottom_cells == 6


def test_equal_ends_fix_a_value():
    assert GeologyRecipe(layers=(2, 2), vs_range_m_s=(2000, 2000)).layers == (2, 2)
    assert SourceRecipe(dip_deg=(90, 90)).dip_deg == (90, 90)


@pytest.mark.parametrize("change", [{"duration_s": float("inf")}, {"sampling_hz": 1e300}])
def test_times_without_end_are_refused(change):
    with pytest.raises(ValidationError):
        Scenario(**change)


@pytest.mark.parametrize("duration_s", [3601.0, 1e308])
def test_an_hour_is_the_longest(duration_s):
    with pytest.raises(InputError, match=r"duration_s: got .* s; allowed: at most 3600 s"):
        CampaignConfig(scenario=Scenario(duration_s=duration_s)).checked()


def test_a_duration_between_two_samples_has_the_simulators_count():
    scenario = Scenario(duration_s=6.405)
    assert scenario.samples == len(scenario.time_s()) == 321
    assert scenario.time_s()[-1] < 6.405


def test_memory_of_a_worker_grows_with_the_duration():
    short, long = (worker_memory_bytes(CampaignConfig(scenario=Scenario(duration_s=d))) for d in (6.4, 600.0))
    assert short < 2e9
    # Its operator alone takes 12 bytes for each of 30000 output times and each of its 60000 steps or more.
    assert long > 20e9


def test_a_wrong_recipe_ends_the_command_with_code_2(tmp_path, create):
    path = tmp_path / "mine.yaml"
    path.write_text("geology: {layers: [5, 2]}\n")
    line = create("--preset", path, "--out", tmp_path / "d.zarr")
    assert line == "error: preset.geology.layers: got [5, 2]; allowed: the lower end comes first"
    assert [p.name for p in tmp_path.iterdir()] == ["mine.yaml"]


@pytest.mark.parametrize("option", ["--preset", "--slurm"])
@pytest.mark.parametrize(
    "content", [b"\xff\xfe\x00\x01\x80", b"a: [", b"- 1\n- 2\n", b"text", b"a: 2026-13-45\n", b"[" * 5000]
)
def test_a_file_that_is_no_settings_is_named(option, content, tmp_path, create):
    path = tmp_path / "mine.yaml"
    path.write_bytes(content)
    job = ["--job-script"] if option == "--slurm" else []
    line = create(option, path, *job, "--out", tmp_path / "d.zarr")
    assert line.startswith(f"error: {option[2:]}: got {path} (")


@pytest.mark.parametrize(
    ("text", "start", "allowed"),
    [
        ("walltime: 12:00:00\n", "slurm: got", 'text such as "12:00:00" in quotes'),
        ("walltime: soon\n", "slurm.walltime: got soon;", "HH:MM:SS"),
        ("cores: 0\n", "slurm.cores: got 0;", "greater than or equal to 1"),
        ("partition: cpu\n", "slurm: got", "YAML with keys queue, account"),
        ("memory: lots\n", "slurm.memory: got lots;", "an amount such as 16GB"),
        ("memory: -4GB\n", "slurm.memory: got -4GB;", "an amount such as 16GB"),
    ],
)
def test_wrong_slurm_options_are_named(text, start, allowed, tmp_path, create):
    pytest.importorskip("dask_jobqueue")
    path = tmp_path / "slurm.yaml"
    path.write_text(text)
    line = create("--slurm", path, "--job-script", "--out", tmp_path / "d.zarr")
    assert line.startswith(f"error: {start}")
    assert allowed in line


@pytest.mark.parametrize("walltime", ["12:00:00", "1-06:00:00", "45", "90:00"])
def test_times_that_slurm_reads_are_taken(walltime, tmp_path):
    path = tmp_path / "slurm.yaml"
    path.write_text(f"walltime: '{walltime}'\n")
    assert SlurmOptions.load(path).walltime == walltime
