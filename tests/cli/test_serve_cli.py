"""`spectremor serve` finds its model as `generate` does."""

from __future__ import annotations

from pathlib import Path

import pytest

from spectremor.cli.serve import serve
from spectremor.core.errors import InputError
from spectremor.pipeline import SHIPPED
from spectremor.web import server


@pytest.fixture
def started(monkeypatch):
    """The folders that servers were started with; none is really started."""
    folders = []

    class Server:
        port = 1

        def run_until_shutdown(self):
            pass

    def start(port, *, model_folder, first, open_browser):
        folders.append(model_folder)
        return Server()

    monkeypatch.setattr(server, "start_server", start)
    return folders


def test_a_model_that_ships_is_known_by_its_name(started):
    for name in ("mifno", "default"):
        serve(port=0, model=Path(name), field=None, browser=False)
    serve(port=0, model=SHIPPED / "mifno", field=None, browser=False)
    serve(port=0, model=None, field=None, browser=False)
    assert started == [SHIPPED / "mifno", SHIPPED / "default", SHIPPED / "mifno", None]


@pytest.mark.parametrize(("name", "field"), [("nothing", "model"), ("no/such/folder", "--model")])
def test_other_names_are_refused(started, name, field):
    with pytest.raises(InputError) as caught:
        serve(port=0, model=Path(name), field=None, browser=False)
    assert caught.value.field == field
    assert started == []
