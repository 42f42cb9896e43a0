"""The page: what to compute on the left; the ground, the motion and the files to take along on the right."""

from __future__ import annotations

import asyncio
import contextlib
import html
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from typing import Any, TypeVar

import panel as pn
from bokeh.events import Tap

from spectremor.core.errors import InputError
from spectremor.core.source import Source
from spectremor.core.text import printable
from spectremor.exchange.quantities import Quantity
from spectremor.web.choices import FileRupture
from spectremor.web.command import command_for
from spectremor.web.controls import NOTE, heading, upload_field
from spectremor.web.downloads import Parcel, Shelf
from spectremor.web.earthquake_controls import EarthquakeControls
from spectremor.web.ground import Ground
from spectremor.web.ground_controls import GroundControls
from spectremor.web.ground_figures import GroundFigures
from spectremor.web.jobs import Job, JobCancelledError
from spectremor.web.model_controls import ModelControls
from spectremor.web.motion_map import SHOWN, MotionMap, measured
from spectremor.web.newest import Newest
from spectremor.web.place import PlaceControls
from spectremor.web.remarks import with_remarks
from spectremor.web.reply import Reply
from spectremor.web.scene import Scene
from spectremor.web.station import Station
from spectremor.web.station_controls import StationControls
from spectremor.web.station_figures import StationFigures
from spectremor.web.station_table import station_table
from spectremor.web.studio import MAX_PAGES, Request, Studio
from spectremor.web.takeaway import Takeaway
from spectremor.web.uploads import (
    MAX_UPLOAD_MB,
    name_in,
    own_name,
    read_ground,
    read_rupture_upload,
    read_stations_upload,
    read_upload,
)

_HINT = "Set an earthquake on the left and press <b>Generate</b>, or open a wavefield that you have."
#: Widths of the columns as CSS flex: grow, shrink, and the width below which a column moves to a row of its own.
_MAP_SIZE = {"flex": "1 1 400px", "min-width": "0", "max-width": "560px"}
_TRACES_SIZE = {"flex": "2 1 440px", "min-width": "0"}
_SECTION_SIZE = {"flex": "1 1 400px", "min-width": "0"}
_SPECTRUM_SIZE = {"flex": "1 1 340px", "min-width": "0"}
T = TypeVar("T")
#: A thread for each page that may be open, so that pages waiting for a model do not delay uploads and downloads.
_WORKERS = ThreadPoolExecutor(max_workers=MAX_PAGES, thread_name_prefix="making")
#: Seconds between two looks at how far a job is.
_LOOK_S = 0.25
GROUND_TAB, MOTION_TAB, FILES_TAB = 0, 1, 2


class Page:
    """One visitor's page.

    Args:
        studio: makes wavefields.
        start: source that the numbers start from.
        scene: what to show first; None: an empty page that says what to do.
        shelf: where this page's files are offered; None: nowhere.
    """

    def __init__(
        self, studio: Studio, start: Source, scene: Scene | None = None, *, shelf: Shelf | None = None
    ) -> None:
        self._studio = studio
        self.scene: Scene | None = None
        self.point = 0
        self.job: Job | None = None
        self._turn, self._jobs = asyncio.Lock(), 0
        # None where no server shows the page: a notebook, a test.
        self._document = pn.state.curdoc
        self.reply = Reply()
        self._sensor_work, self._map_work = (Newest(self._on_next_tick, self._complaints) for _ in range(2))
        self.place = PlaceControls()
        self.ground = GroundControls(studio.grounds, self.place, self.open_ground, self._show_ground)
        self.earthquake = EarthquakeControls(start, self.open_rupture, self._show_ground)
        self.stations = StationControls(self.open_stations, self._show_ground)
        self.model = ModelControls(studio, self._show_choice)
        self._rupture_work = Newest(self._on_next_tick, lambda: self._complaints(self.earthquake.reply))
        self._cost_work = Newest(self._on_next_tick, self._cost_complaints)
        self.ground_figures = GroundFigures(self.earthquake.place)
        self.map, self.station = MotionMap(), StationFigures()
        self.takeaway = Takeaway(None if shelf is None else shelf.put(self))
        self._make_run_widgets()
        self._make_view_widgets()
        self._connect()
        self._show_ground()
        if scene is not None:
            self.show(scene)

    def _make_run_widgets(self) -> None:
        self.opened = Reply()
        self.button = pn.widgets.Button(label="Generate", color="danger", width=214)
        self.cancel_button = pn.widgets.Button(label="Cancel", width=98, disabled=True)
        self.progress = pn.indicators.Progress(value=0, max=100, bar_color="danger", visible=False, width=332)
        self.doing = pn.pane.HTML("", styles=NOTE, visible=False, margin=(0, 10))
        self.upload = upload_field(self.open)

    def _make_view_widgets(self) -> None:
        self.shown = pn.widgets.Select(label="Draw", options={"0": 0}, value=0, visible=False, width=90)
        self.map_shows = pn.widgets.Select(label="The map shows", options=SHOWN, value="PGV", width=250)
        self.quantity = pn.widgets.RadioButtonGroup(
            options={"Velocity": "velocity", "Acceleration": "acceleration", "Displacement": "displacement"},
            value="velocity",
        )
        self.remarks = Reply(width=None)
        self.where = pn.pane.HTML("", margin=(4, 10))
        self.table = pn.pane.HTML("", margin=(4, 10), sizing_mode="stretch_width")
        self.hint = pn.pane.HTML(_HINT, styles={"font-size": "15px", "color": "#5b626d"}, margin=(40, 30))
        self.view = self._motion_view()
        self.tabs = pn.Tabs(
            ("Ground and source", self._ground_view()),
            ("Motion", pn.Column(self.hint, self.view, sizing_mode="stretch_width")),
            ("Files and command", self.takeaway.view),
            sizing_mode="stretch_width",
        )

    def request(self) -> Request:
        """What the controls ask for.

        Raises:
            InputError: an empty field, or a number that no source has.
        """
        return Request(
            ground=self.ground.ground,
            source=self.earthquake.point,
            angles_deg=self.earthquake.angles_deg,
            model=self.model.model.value,
            product=self.model.chosen,
            realizations=self.model.realizations.value,
            seed=self.model.seed.value,
            rupture=self.earthquake.rupture,
            stations=self.stations.stations,
            simulation=self.model.simulation,
        )

    def parcel(self) -> Parcel | None:
        """What there is to take along.

        Raises:
            InputError: a place on Earth or a time that is none.
        """
        return None if self.scene is None else self.takeaway.parcel(self.scene.field, self.quantity.value)

    def show(self, scene: Scene) -> None:
        """Show another scene, at the sensor that shakes most."""
        # Scene and sensor change together, and first: the choice of a realization redraws when it changes.
        self.scene, self.point = scene, scene.strongest_point()
        names = {str(number): k for k, number in enumerate(scene.realization_numbers)}
        self.shown.param.update(options=names, value=0, visible=len(names) > 1)
        self.hint.visible, self.view.visible = False, True
        self.tabs.active = MOTION_TAB
        self.takeaway.offer(scene.field, scene.place)
        self.remarks.remark(scene.remarks)
        self._redraw()

    def choose(self, x_m: float, y_m: float) -> None:
        """Look at the sensor nearest to a point."""
        if self.scene is not None:
            self.point = self.scene.nearest_point(x_m, y_m)
            self.map.mark(self.scene, self.point)
            self._redraw_sensor()

    async def generate(self) -> None:
        """Run the model on what the controls say, and show what it made."""
        with self._complaints():
            self.reply.clear()
            request, job = self.request(), Job()
            await self._attempt(lambda: self._studio.generate(request, job), job, self.reply)

    async def open(self, name: str, content: bytes) -> None:
        """Show the wavefield in an uploaded file."""
        await self._attempt(lambda: Scene.of(read_upload(name, content), own_name(name)), Job(), self.opened)

    async def open_ground(self, name: str, content: bytes) -> None:
        """Offer the ground in an uploaded file, and choose it."""

        def take(ground: Ground) -> None:
            self.ground.add(ground)
            self.tabs.active = GROUND_TAB

        with self._complaints(self.ground.reply):
            grid = self.ground.grid()
            await self._take(name, lambda: read_ground(name, content, grid), self.ground.reply, take)

    async def open_rupture(self, name: str, content: bytes) -> None:
        """Take the rupture in an uploaded file for the earthquake."""
        reply = self.earthquake.reply
        with self._complaints(reply):
            place = self.place.place
            await self._take(name, lambda: read_rupture_upload(name, content, place), reply, self.earthquake.take)

    async def open_stations(self, name: str, content: bytes) -> None:
        """Record at the stations in an uploaded file."""
        reply = self.stations.reply
        with self._complaints(reply):
            place = self.place.place
            await self._take(name, lambda: read_stations_upload(name, content, place), reply, self.stations.take)

    async def _take(self, name: str, read: Callable[[], T], reply: Reply, use: Callable[[T], None]) -> None:
        """Read a file in a thread, and hand what it says on; what is wrong, or worth knowing, is said beside it."""
        self._count_jobs(1)
        reply.clear()
        try:
            with self._complaints(reply):
                read_content, remarks = await asyncio.to_thread(with_remarks(read))

                def taken() -> None:
                    with self._complaints(reply):
                        reply.remark(name_in(remarks, name))
                        use(read_content)

                self._on_next_tick(taken)
        finally:
            self._count_jobs(-1)

    def cancel(self) -> None:
        """Stop what is being computed."""
        if self.job is not None:
            self.job.cancel()

    def leave(self) -> None:
        """Stop all work of this page: its visitor has gone."""
        self.cancel()
        for work in (self._sensor_work, self._map_work, self._rupture_work, self._cost_work):
            work.cancel()

    def layout(self) -> pn.Template:
        """The page as a panel template."""
        controls = pn.Column(
            *self.ground.parts(),
            *self.earthquake.parts(),
            *self.stations.parts(),
            *self.model.parts(),
            pn.Row(self.button, self.cancel_button, margin=(8, 0, 0, 0)),
            self.progress,
            self.doing,
            self.reply.pane,
            heading("Or open a wavefield"),
            pn.pane.HTML(f"NetCDF or .h5, at most {MAX_UPLOAD_MB} MB:", styles=NOTE, margin=(4, 10, 0, 10)),
            self.upload,
            self.opened.pane,
            width=352,
        )
        page = pn.Template((files("spectremor.web") / "page.html").read_text(encoding="utf-8"))
        page.add_panel("controls", controls)
        page.add_panel("results", self.tabs)
        return page

    def _ground_view(self) -> pn.Column:
        figures = self.ground_figures
        surface = pn.Column(_caption("Vs at the surface"), figures.surface.figure, styles=_MAP_SIZE)
        sections = pn.Column(
            _caption("Section through the source, West to East"),
            figures.west_east.figure,
            _caption("Section through the source, South to North"),
            figures.south_north.figure,
            styles=_SECTION_SIZE,
        )
        words = (
            "The star is the source, or where a rupture begins: click to move it. Dots: a rupture. Triangles: stations."
        )
        note = pn.pane.HTML(words, styles=NOTE)
        return pn.Column(note, pn.FlexBox(surface, sections, sizing_mode="stretch_width"), sizing_mode="stretch_width")

    def _motion_view(self) -> pn.FlexBox:
        """Map and traces side by side where both have room, else one below the other."""
        left = pn.Column(
            pn.Row(self.map_shows, self.shown),
            self.map.figure,
            pn.Row(self.map.button, self.map.slider, sizing_mode="stretch_width"),
            self.where,
            self.table,
            styles=_MAP_SIZE,
        )
        spectra = pn.FlexBox(
            pn.Column(self.station.response.figure, styles=_SPECTRUM_SIZE),
            pn.Column(self.station.fourier.figure, styles=_SPECTRUM_SIZE),
            sizing_mode="stretch_width",
        )
        right = pn.Column(
            self.remarks.pane, self.quantity, *self.station.seismograms.figures, spectra, styles=_TRACES_SIZE
        )
        return pn.FlexBox(left, right, sizing_mode="stretch_width", visible=False)

    def _connect(self) -> None:
        self.button.on_click(self._on_generate)
        self.cancel_button.on_click(lambda _: self.cancel())
        self.shown.param.watch(lambda _: self._redraw(), "value")
        self.map_shows.param.watch(lambda _: self._redraw_map(), "value")
        self.quantity.param.watch(lambda _: self._redraw_sensor(), "value")
        self.map.figure.on_event(Tap, lambda event: self.choose(1000 * event.x, 1000 * event.y))

    async def _on_generate(self, _event: Any) -> None:
        await self.generate()

    async def _attempt(self, make: Callable[[], Scene], job: Job, reply: Reply) -> None:
        """Make a new scene in a thread and show it, or say in one line why there is none; the old one stays.

        One at a time, in the order asked for: what was asked for last is what is shown in the end.
        """
        quantity, shown = self.quantity.value, self.map_shows.value

        def made() -> Scene:
            scene = make()
            # What is shown first is measured here, where nobody waits for it.
            measured(scene, 0, shown)
            Station.of(scene, scene.strongest_point(), quantity, job)
            return scene

        self._count_jobs(1)
        try:
            async with self._turn:
                reply.clear()
                self.job = job
                with self._complaints(reply):
                    scene = await self._watched(asyncio.get_running_loop().run_in_executor(_WORKERS, made), job)
                    if not job.cancelled:
                        self._on_next_tick(lambda: self._try_to_show(scene, reply))
        finally:
            self._count_jobs(-1)

    async def _watched(self, work: asyncio.Future[Scene], job: Job) -> Scene:
        """Wait for work, and say meanwhile how far it is."""
        while True:
            done, _ = await asyncio.wait([work], timeout=_LOOK_S)
            if done:
                return work.result()
            self.progress.value = int(100 * job.share)
            self.doing.object = "stopping" if job.cancelled else html.escape(job.words)

    def _count_jobs(self, change: int) -> None:
        self._jobs += change
        busy = self._jobs > 0
        self.progress.value, self.doing.object = 0, ""
        self.button.disabled = busy
        for part in (self, self.ground, self.earthquake, self.stations):
            part.upload.disabled = busy
        self.progress.visible = self.doing.visible = busy
        self.cancel_button.disabled = not busy

    def _try_to_show(self, scene: Scene, reply: Reply) -> None:
        with self._complaints(reply):
            self.show(scene)
            # The time of the next simulation is estimated from the last one.
            self._show_choice()

    @contextlib.contextmanager
    def _complaints(self, reply: Reply | None = None) -> Iterator[None]:
        """Show an error beside its control; an error that is no fault of the input goes to the log as well."""
        try:
            yield
        except JobCancelledError:
            return
        except Exception as error:
            (reply or self.reply).refuse(error)
            if not isinstance(error, InputError):
                raise

    def _on_next_tick(self, act: Callable[[], None]) -> None:
        """Act on the figures, which may change only while the page's document is locked."""
        if self._document is None:
            act()
        else:
            self._document.add_next_tick_callback(act)

    @contextlib.contextmanager
    def _cost_complaints(self) -> Iterator[None]:
        """Show, in place of the cost, why a simulation cannot run."""
        try:
            yield
        except InputError as error:
            self.model.say(str(error))

    def _show_ground(self) -> None:
        self.ground_figures.show(self.ground.ground, *self.earthquake.place_km)
        stations = self.stations.stations
        self.ground_figures.show_stations(None if stations is None else stations.stations)
        self._show_rupture()
        self._show_choice()

    def _show_rupture(self) -> None:
        """Draw the rupture as soon as it is known, and say at its control what is wrong with it here."""
        self._rupture_work.cancel()
        try:
            choice, geology = self.earthquake.rupture, self.ground.ground.geology
        except InputError:
            # Said when the earthquake is asked for; while a person types, half a number is no fault.
            choice = None
        self.ground_figures.show_rupture(choice.read.position_m if isinstance(choice, FileRupture) else None)
        if choice is None:
            return
        self.earthquake.reply.clear()
        if isinstance(choice, FileRupture):
            with self._complaints(self.earthquake.reply):
                choice.read.check_inside(geology.extent_m)
        else:
            self._rupture_work.ask(
                lambda _: choice.rupture(geology), lambda made: self.ground_figures.show_rupture(made.position_m)
            )

    def _show_choice(self) -> None:
        """Say what the choice of a model means for the rest, and what it costs."""
        for part in (self.earthquake, self.stations):
            part.say_what_models_take(not (self.model.simulates or self._studio.simulates(self.model.model.value)))
        self._show_command()
        self._cost_work.cancel()
        with self._cost_complaints():
            choice, ground, stations = self.model.simulation, self.ground.ground, self.stations.stations
            if choice is None:
                return
            self.model.say("Counting what it costs.")
            self._cost_work.ask(lambda _: self._studio.cost_words(ground, choice, stations), self.model.say)

    def _show_command(self) -> None:
        try:
            command = command_for(self.request(), self._studio)
        except InputError as error:
            command = f"# {printable(error)}"
        self.takeaway.say_command(command)

    def _redraw(self) -> None:
        if self.scene is not None:
            self._redraw_map()
            self.map.mark(self.scene, self.point)
            self._redraw_sensor()

    def _redraw_map(self) -> None:
        if self.scene is None:
            return
        scene, draw, shown = self.scene, self.shown.value, self.map_shows.value
        if scene.has_measured(shown, draw):
            self._map_work.cancel()
            self.map.show(scene, measured(scene, draw, shown))
        else:
            self._map_work.ask(lambda _: measured(scene, draw, shown), lambda made: self.map.show(scene, made))

    def _redraw_sensor(self) -> None:
        """Say at once which sensor it is; draw its motion as soon as it is measured."""
        if self.scene is None:
            return
        scene, point, quantity = self.scene, self.point, self.quantity.value
        x_km, y_km = scene.points_m[point] / 1000
        name = scene.station_name(point)
        sensor = "Sensor" if name is None else f"Station {html.escape(printable(name, 80))}"
        self.where.object = (
            f"<b>{sensor} at {x_km:.2f} km East, {y_km:.2f} km North.</b> Click on the map to choose another."
        )
        drawn_before = Station.remembered(scene, point, quantity)
        if drawn_before is not None:
            self._sensor_work.cancel()
            self._show_station(scene, drawn_before, quantity)
        else:
            self._sensor_work.ask(
                lambda job: Station.of(scene, point, quantity, job),
                lambda station: self._show_station(scene, station, quantity),
            )

    def _show_station(self, scene: Scene, station: Station, quantity: Quantity) -> None:
        labels = (scene.label, scene.stage1_label)
        self.station.show(station, self.shown.value, quantity, labels)
        self.table.object = station_table(station.rows, labels[1])


def _caption(text: str) -> pn.pane.HTML:
    return pn.pane.HTML(f"<b>{html.escape(text)}</b>", margin=(6, 10, 0, 10), styles={"font-size": "12px"})
