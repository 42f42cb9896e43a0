"""Measuring at a sensor happens beside the event loop, and is given up when the visitor has clicked on."""

from __future__ import annotations

import asyncio
import contextlib
import threading

import numpy as np
import pytest
from bokeh.events import Tap

from spectremor.core.errors import InputError
from spectremor.web import sensor_motion as module
from spectremor.web.jobs import Job, JobCancelledError
from spectremor.web.latest_work import LatestWork
from spectremor.web.scene import Scene
from spectremor.web.sensor_motion import SensorMotion


def latest_work(said: list[str] | None = None) -> LatestWork:
    @contextlib.contextmanager
    def complaints():
        try:
            yield
        except InputError as error:
            said.append(str(error))

    return LatestWork(lambda act: act(), complaints)


def test_only_the_last_wish_is_shown_and_the_others_are_told():
    shown, stopped = [], []

    def make(name: str):
        def made(job: Job) -> str:
            while name != "last":
                try:
                    job.report(0.5)
                except JobCancelledError:
                    stopped.append(name)
                    raise
                threading.Event().wait(0.005)
            return f"{name} in {threading.current_thread().name}"

        return made

    async def visit() -> None:
        work = latest_work([])
        # More wishes than workers: those that have not begun never do.
        for name in ("first", "second", "third", "fourth", "last"):
            work.ask(make(name), shown.append)
            await asyncio.sleep(0.02)
        await work._task

    asyncio.run(visit())
    assert len(shown) == 1
    assert shown[0].startswith("last in measuring")
    assert "first" in stopped


def test_what_goes_wrong_is_said_unless_nobody_waits_for_it_any_more():
    said, release = [], threading.Event()

    def fail(name: str):
        def made(_job: Job) -> None:
            assert release.wait(30)
            raise InputError(name, "something", "nothing")

        return made

    async def visit() -> None:
        work = latest_work(said)
        work.ask(fail("old"), lambda _: None)
        old = work._task
        work.ask(fail("new"), lambda _: None)
        release.set()
        await asyncio.gather(old, work._task)

    asyncio.run(visit())
    assert said == ["new: got something; allowed: nothing"]


def test_a_station_is_given_up_between_two_draws(field, monkeypatch):
    calls, job = [], Job()
    rotd = module.rotd

    def counted(*arguments):
        calls.append(1)
        job.cancel()
        return rotd(*arguments)

    monkeypatch.setattr(module, "rotd", counted)
    scene = Scene.of(field, "f")
    with pytest.raises(JobCancelledError):
        SensorMotion.of(scene, 3, "velocity", job)
    assert len(calls) == 1
    assert SensorMotion.cached(scene, 3, "velocity") is None


def test_a_scene_remembers_few_stations_and_the_same_again(field, monkeypatch):
    monkeypatch.setattr(module, "_CACHE_SIZE", 3)
    scene = Scene.of(field, "f")
    first = SensorMotion.of(scene, 0, "velocity")
    assert SensorMotion.of(scene, 0, "velocity") is first
    for point in range(1, 6):
        SensorMotion.of(scene, point, "velocity")
    assert len(scene.sensor_motions) == 3
    np.testing.assert_array_equal(SensorMotion.of(scene, 0, "velocity").response.draws, first.response.draws)


def test_a_click_is_answered_at_once_and_drawn_later(page_with, field, monkeypatch):
    """While one visitor's sensor is measured, the page says where it is, and another visitor's page goes on."""
    first, second = page_with(), page_with()
    for page in (first, second):
        page.show(Scene.of(field, "f"))
    started, release, threads = threading.Event(), threading.Event(), []
    measure = SensorMotion._measured.__func__

    def slow(cls, scene, point, quantity, job):
        threads.append(threading.current_thread())
        if scene is first.scene and point == 0:
            started.set()
            assert release.wait(60)
        return measure(cls, scene, point, quantity, job)

    monkeypatch.setattr(SensorMotion, "_measured", classmethod(slow))
    before = list(first.sensor_figures.seismograms.lines.data["full_0"])

    def click(page, x: float, y: float) -> None:
        page.map.figure._trigger_event(Tap(page.map.figure, x=x, y=y))

    async def visit() -> None:
        click(first, 0.15, 0.15)
        assert "0.15 km East, 0.15 km North" in first.where.object
        assert first.map.chosen.data == {"x": [0.15], "y": [0.15]}
        await asyncio.to_thread(started.wait, 60)
        click(second, 8.55, 0.15)
        await second._sensor_work._task
        drawn = field.isel(realization=0, component=0, x=7, y=0) * 100
        np.testing.assert_allclose(second.sensor_figures.seismograms.lines.data["full_0"], drawn, rtol=1e-6)
        np.testing.assert_array_equal(first.sensor_figures.seismograms.lines.data["full_0"], before)
        unwanted = first._sensor_work._task
        click(first, 8.55, 9.15)
        release.set()
        await asyncio.gather(unwanted, first._sensor_work._task)

    asyncio.run(visit())
    drawn = field.isel(realization=0, component=0, x=7, y=5) * 100
    np.testing.assert_allclose(first.sensor_figures.seismograms.lines.data["full_0"], drawn, rtol=1e-6)
    assert threading.main_thread() not in threads


def test_a_measure_of_the_map_is_made_beside_the_event_loop(page_with, field, monkeypatch):
    page = page_with()
    page.show(Scene.of(field, "f"))
    threads = []
    measure = Scene.measure

    def noted(self, name, realization):
        if not self.has_measure(name, realization):
            threads.append(threading.current_thread())
        return measure(self, name, realization)

    monkeypatch.setattr(Scene, "measure", noted)

    async def visit() -> None:
        page.map_shows.value = "SA(1.0)"
        await page._map_work._task

    asyncio.run(visit())
    assert threads
    assert threading.main_thread() not in threads
    assert page.map.bar.text == "SA at 1 s, RotD50 (m/s²)"


def test_who_leaves_wants_nothing_measured_any_more(page_with, field):
    page = page_with()
    page.show(Scene.of(field, "f"))
    jobs = []

    async def visit() -> None:
        def wait(job: Job) -> None:
            jobs.append(job)
            while True:
                job.report(0.5)
                threading.Event().wait(0.005)

        page._sensor_work.ask(wait, lambda _: pytest.fail("shown"))
        while not jobs:
            await asyncio.sleep(0.005)
        page.leave()
        await page._sensor_work._task

    asyncio.run(visit())
    assert jobs[0].cancelled
