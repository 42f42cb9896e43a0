"""`spectremor serve` finds its model as `generate` does."""

from __future__ import annotations

import shlex
import warnings
from pathlib import Path

import numpy as np
import pytest

from spectremor.cli.serve import serve
from spectremor.core.errors import InputError, InputWarning
from spectremor.core.geology import make_geology
from spectremor.data.geology_files import write_geology
from spectremor.examples import example_geology, example_source
from spectremor.model.folder import SHIPPED
from spectremor.web import server
from spectremor.web.app import Page


class Server:
    """Stops at once."""

    port = 1


@pytest.fixture
def started(monkeypatch):
    """The folders that servers were started with; none is really started."""
    folders = []

    def start(port, *, model, ground, first, allow_hosts, open_browser):
        folders.append(model.path)
        return Server()

    monkeypatch.setattr(server, "start_server", start)
    monkeypatch.setattr(server, "run_until_stopped", lambda _server: None)
    return folders


def test_a_model_that_ships_is_known_by_its_name(started):
    for name in ("hybrid", "simulation"):
        serve(port=0, model=Path(name), field=None, browser=False)
    serve(port=0, model=SHIPPED / "hybrid", field=None, browser=False)
    serve(port=0, model=None, field=None, browser=False)
    assert started == [SHIPPED / "hybrid", SHIPPED / "simulation", SHIPPED / "hybrid", SHIPPED / "simulation"]


@pytest.mark.parametrize(("name", "field"), [("nothing", "model"), ("no/such/folder", "--model")])
def test_other_names_are_refused(started, name, field):
    with pytest.raises(InputError) as caught:
        serve(port=0, model=Path(name), field=None, browser=False)
    assert caught.value.field == field
    assert started == []


@pytest.fixture
def studios(monkeypatch):
    """What servers were started with, as the Generate button would see it; none is really started."""
    found = []

    def start(port, *, model, ground, first, allow_hosts, open_browser):
        found.append(server.Studio(model, ground))
        return Server()

    monkeypatch.setattr(server, "start_server", start)
    monkeypatch.setattr(server, "run_until_stopped", lambda _server: None)
    return found


def test_a_geology_of_ones_own(studios, tiny_model, tmp_path, here):
    own = example_geology().vs_m_s * np.float32(0.95)
    np.save(tmp_path / "own <b>.npy", np.stack([own + 1, own]))
    assert here("serve", "--geology", tmp_path / "own <b>.npy", "--index", 1, "--model", tiny_model) == 0
    (studio,) = studios
    np.testing.assert_array_equal(studio.grounds[0].geology.vs_m_s, own)
    assert studio.models[0] == "tiny"
    assert studio.about("tiny") == "tiny: 2 sampling steps, up to 5 Hz"
    page = Page(studio, example_source())
    assert list(page.ground.choice.options) == ["own <b>.npy (1)", "example"]
    words = shlex.split(page.files_view._text.value)
    assert words[words.index("--geology") + 1] == str(tmp_path / "own <b>.npy")
    assert words[words.index("--index") + 1] == "1"
    assert words[words.index("--model") + 1] == str(tiny_model)


def test_the_example_geology_and_the_shipped_model_are_named(studios, here):
    assert here("serve") == 0
    assert [ground.name for ground in studios[0].grounds] == ["example"]
    assert studios[0].about(studios[0].models[0]) == "simulation: 1 sampling step, up to 5 Hz"


@pytest.mark.parametrize(
    ("shape", "arguments", "words"),
    [
        ((16, 16, 16), (), ["geology: got shape (16, 16, 16)", "the model's"]),
        ((16, 16, 16), ("--model", "mifno"), ["geology: got shape (16, 16, 16)", "the model's"]),
        ((2, 32, 32, 32), ("--index", 2), ["index: got 2"]),
        (None, (), ["geology: got", "no such file"]),
    ],
)
def test_a_geology_that_cannot_be_used_starts_no_server(studios, tmp_path, here, capsys, shape, arguments, words):
    path = tmp_path / "geology.npy"
    if shape:
        np.save(path, np.full(shape, 2000, "float32"))
    assert here("serve", "--geology", path, *arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    for word in words:
        assert word in line
    assert studios == []


def write_ground(path, extent_m, nodes, low_m_s=1500.0, first_m=0.0):
    """A geology with axes of its own, faster below."""
    vs = np.linspace(3500.0, low_m_s, nodes[2]) * np.ones((*nodes, 1))[..., 0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InputWarning)
        ground = make_geology(vs, extent_m)
        write_geology(ground.dataset.assign_coords(x=ground.x_m + first_m), path)
    return path


def test_a_model_that_simulates_takes_ground_of_any_extent(studios, tmp_path, here):
    path = write_ground(tmp_path / "long.nc", (19200.0, 14400.0, 9600.0), (33, 25, 17))
    assert here("serve", "--geology", path) == 0
    page = Page(studios[0], example_source())
    assert "19.2 × 14.4 × 9.6 km, 33 × 25 × 17 nodes" in page.ground.about.object
    section = page.ground_figures.west_east.image.data
    assert section["dw"][0] == pytest.approx(19.8, rel=0.05)
    assert section["image"][0].shape == (17, 33)
    assert page.ground_figures.south_north.image.data["image"][0].shape == (17, 25)
    words = shlex.split(page.files_view._text.value)
    assert words[:4] == ["spectremor", "generate", "--geology", str(path)]


def test_an_operator_takes_its_cube_or_a_similar_one(studios, tmp_path, here, capsys):
    cube = write_ground(tmp_path / "cube.nc", (19200.0,) * 3, (32, 32, 32))
    assert here("serve", "--geology", cube, "--model", "mifno") == 0
    longer = write_ground(tmp_path / "long.nc", (19200.0, 9600.0, 9600.0), (32, 32, 32))
    assert here("serve", "--geology", longer, "--model", "mifno") == 2
    assert "a domain of 19200 x 9600 x 9600 m" in capsys.readouterr().err
    assert len(studios) == 1


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"low_m_s": 150.0}, ["geology: got Vs of 150 m/s", "too far outside of what the model learned"]),
        ({"first_m": 600.0}, ["geology", "600"]),
    ],
)
def test_ground_that_no_earthquake_of_the_model_has_starts_no_server(studios, tmp_path, here, capsys, more, words):
    path = write_ground(tmp_path / "ground.nc", (14400.0, 9600.0, 9600.0), (25, 17, 17), **more)
    assert here("serve", "--geology", path) == 2
    *_, line = capsys.readouterr().err.splitlines()
    for word in words:
        assert word in line
    assert studios == []


def test_an_index_of_nothing_is_refused(studios, here, capsys):
    assert here("serve", "--index", 3) == 2
    assert capsys.readouterr().err == "error: --index: got 3; allowed: nothing without --geology\n"
    assert studios == []


def test_a_name_that_no_host_has_starts_no_server(here, capsys):
    assert here("serve", "--port", 0, "--allow-host", "a/b") == 2
    assert capsys.readouterr().err.startswith("error: --allow-host: got a/b; allowed: a host name")
