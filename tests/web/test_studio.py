"""What carries requests out: models, their order of use, progress, cancelling."""

from __future__ import annotations

import dataclasses
import threading
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

from spectremor.core.errors import InputError
from spectremor.core.source import Source
from spectremor.core.wavefield import make_wavefield
from spectremor.web import jobs
from spectremor.web import studio as module
from spectremor.web.jobs import Job, JobCancelledError
from spectremor.web.studio import Request, Studio

START = Source.from_angles(position_m=(3600, 5700, -5400), strike_deg=35, dip_deg=50, rake_deg=75, mw=4.9)


class FakeModel:
    """Both stages, made of arithmetic."""

    stage1 = SimpleNamespace(name="MIFNO")
    diffusion: object | None = object()

    def predict(self, geology, source, stations=None):
        time_s = np.arange(50) / 50
        values = np.full((3, 4, 5, 50), source.mw)
        return make_wavefield(values, x_m=np.arange(4.0), y_m=np.arange(5.0), time_s=time_s, source=source)

    def stage1_motion(self, geology, source, wanted):
        return SimpleNamespace(field=self.predict(geology, source))

    def restored(self, motion, draws):
        draws.on_progress(0.5)
        draws.on_progress(1.0)
        stage1 = motion.field
        drawn = [stage1 + draws.seed + r for r in range(draws.realizations)]
        return xr.concat(drawn, "realization").assign_attrs(stage1.attrs)


@pytest.fixture
def loads(monkeypatch) -> list:
    """The models that were loaded, in place of which stands a fake one."""
    found = []
    monkeypatch.setattr("spectremor.model.build.load_model", lambda folder: found.append(folder.name) or FakeModel())
    return found


def request(studio: Studio, **changed) -> Request:
    given = {"ground": studio.grounds[0], "source": START, "angles_deg": (35, 50, 75), "model": studio.models[0]}
    return Request(**given | {"realizations": 2, "seed": 3} | changed)


def test_both_stages_and_the_model_is_loaded_once(loads):
    studio = Studio()
    for _ in range(2):
        scene = studio.generate(request(studio), Job())
    assert loads == [studio.models[0]]
    np.testing.assert_allclose(scene.field.isel(realization=1), scene.stage1 + 4)
    assert scene.source == dataclasses.replace(START, stress_drop_pa=None)
    alone = studio.generate(request(studio, product="stage1"), Job())
    assert alone.title == "MIFNO alone"
    assert alone.stage1 is None
    np.testing.assert_array_equal(alone.field[0], scene.stage1)


def test_every_model_that_ships_is_offered(loads):
    studio = Studio()
    assert len(studio.models) > 1
    for name in studio.models:
        assert studio.about(name).startswith(name)
        studio.generate(request(studio, model=name), Job())
    assert loads == studio.models


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"seed": None}, "seed: got nothing; allowed: a whole number, 0 to 2^63 - 1"),
        ({"seed": -5}, "seed: got -5; allowed: a whole number, 0 to 2^63 - 1"),
        ({"seed": 2**63}, "seed: got 9223372036854775808; allowed: a whole number, 0 to 2^63 - 1"),
        ({"realizations": 0}, "realizations: got 0"),
        ({"realizations": 21}, "realizations: got 21; allowed: 1 to 20 on this page"),
        ({"source": Source.from_angles(position_m=(50e3, 1, -9), strike_deg=0, dip_deg=9, rake_deg=0)}, "source.x"),
    ],
)
def test_what_cannot_be_is_refused_before_a_model_is_loaded(loads, changed, said):
    studio = Studio()
    with pytest.raises(InputError) as caught:
        studio.generate(request(studio, **changed), Job())
    assert str(caught.value).startswith(said)
    assert loads == []


def test_the_mean_is_offered_where_models_make_one(loads, monkeypatch):
    studio = Studio()
    config = studio.config(studio.models[0])
    from spectremor.model.pipeline import GroundMotionModel

    monkeypatch.setattr(GroundMotionModel, "expect", None, raising=False)
    assert list(module.products_of(config).values()) == ["draws", "mean", "stage1"]
    with pytest.raises(InputError, match="product: got mean"):
        studio.generate(request(studio, product="mean"), Job())
    monkeypatch.setattr(FakeModel, "expect", FakeModel.predict, raising=False)
    scene = studio.generate(request(studio, product="mean"), Job())
    assert scene.title == "mean"
    assert scene.stage1 is not None


def test_a_job_is_cancelled_at_its_next_report(loads, monkeypatch):
    studio, job, shares = Studio(), Job(), []

    def report(share):
        shares.append(share)
        job.cancel()
        Job.report(job, share)

    job.report = report
    with pytest.raises(JobCancelledError):
        studio.generate(request(studio), job)
    assert len(shares) == 1
    studio.generate(request(studio), Job())


def test_one_works_while_the_other_waits_and_may_give_up(loads, monkeypatch):
    studio, started, release = Studio(), threading.Event(), threading.Event()
    predict = FakeModel.predict

    def slow(self, geology, source):
        started.set()
        assert release.wait(60)
        return predict(self, geology, source)

    monkeypatch.setattr(FakeModel, "predict", slow)
    scenes, first, second = [], Job(), Job()
    thread = threading.Thread(target=lambda: scenes.append(studio.generate(request(studio), first)))
    thread.start()
    assert started.wait(60)
    outcome = []

    def wait() -> None:
        try:
            studio.generate(request(studio), second)
        except JobCancelledError:
            outcome.append("cancelled")

    waiting = threading.Thread(target=wait)
    waiting.start()
    while second.doing != "waiting for another job to end":
        waiting.join(0.01)
    second.cancel()
    waiting.join(60)
    assert outcome == ["cancelled"]
    assert scenes == []
    release.set()
    thread.join(60)
    assert len(scenes) == 1


def test_all_work_stops_when_the_server_does(loads):
    studio, job = Studio(), Job()
    job.report = lambda share: (studio.cancel_all(), Job.report(job, share))
    with pytest.raises(JobCancelledError):
        studio.generate(request(studio), job)


def test_time_left_is_told_once_it_can_be(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(jobs.time, "monotonic", lambda: now[0])
    job = Job()
    job.begin("stage 2, diffusion")
    now[0] += 3
    assert job.status == "stage 2, diffusion"
    job.report(0.25)
    assert job.status == "stage 2, diffusion: about 9 s left"
