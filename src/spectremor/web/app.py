"""The page: controls on the left; on the right the ground, the motion, and the files to download."""

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
from spectremor.web.downloads import Downloads, ExportRequest
from spectremor.web.earthquake_controls import EarthquakeControls
from spectremor.web.files_view import FilesView
from spectremor.web.ground import Ground
from spectremor.web.ground_controls import GroundControls
from spectremor.web.ground_figures import GroundFigures
from spectremor.web.jobs import Job, JobCancelledError
from spectremor.web.latest_work import LatestWork
from spectremor.web.model_controls import ModelControls
from spectremor.web.motion_map import MAP_CHOICES, MotionMap, map_content
from spectremor.web.place import PlaceControls
from spectremor.web.remarks import with_remarks
from spectremor.web.reply import Reply
from spectremor.web.scene import Scene
from spectremor.web.sensor_figures import SensorFigures
from spectremor.web.sensor_motion import SensorMotion
from spectremor.web.sensor_table import sensor_table
from spectremor.web.station_controls import StationControls
from spectremor.web.studio import MAX_PAGES, Request, Studio
from spectremor.web.uploads import (
    MAX_UPLOAD_MB,
    base_name,
    read_ground,
    read_rupture_upload,
    read_stations_upload,
    read_upload,
    with_shown_name,
)

_HINT = "Choose an earthquake on the left and press <b>Generate</b>, or open a wavefield file."
#: Widths of the columns as CSS flex: grow, shrink, and the width below which a column moves to a row of its own.
_MAP_SIZE = {"flex": "1 1 400px", "min-width": "0", "max-width": "560px"}
_TRACES_SIZE = {"flex": "2 1 440px", "min-width": "0"}
_SECTION_SIZE = {"flex": "1 1 400px", "min-width": "0"}
_SPECTRUM_SIZE = {"flex": "1 1 340px", "min-width": "0"}
T = TypeVar("T")
#: One thread per page, so that pages waiting for a model do not delay uploads and downloads.
_WORKERS = ThreadPoolExecutor(max_workers=MAX_PAGES, thread_name_prefix="making")
#: Interval in s at which the progress of a job is shown.
_PROGRESS_INTERVAL_S = 0.25
GROUND_TAB, MOTION_TAB, FILES_TAB = 0, 1, 2


class Page:
    """One visitor's page.

    Args:
        studio: makes wavefields.
        start: source whose numbers the controls show first.
        scene: the wavefield to show first; None: a hint how to start.
        downloads: where this page's wavefield is offered for download; None: nowhere.
    """

    def __init__(
        self, studio: Studio, start: Source, scene: Scene | None = None, *, downloads: Downloads | None = None
    ) -> None:
        self._studio = studio
        self.scene: Scene | None = None
        self.sensor = 0
        self.job: Job | None = None
        self._turn, self._jobs = asyncio.Lock(), 0
        # None if no server shows the page, as in a notebook or a test.
        self._document = pn.state.curdoc
        self.reply = Reply()
        self._sensor_work, self._map_work = (LatestWork(self._on_next_tick, self._showing_errors) for _ in range(2))
        self.place = PlaceControls()
        self.ground = GroundControls(studio.grounds, self.place, self.open_ground, self._show_ground)
        self.earthquake = EarthquakeControls(start, self.open_rupture, self._show_ground)
        self.stations = StationControls(self.open_stations, self._show_ground)
        self.model = ModelControls(studio, self._show_choice)
        self._rupture_work = LatestWork(self._on_next_tick, lambda: self._showing_errors(self.earthquake.reply))
        self._cost_work = LatestWork(self._on_next_tick, self._showing_cost_errors)
        self.ground_figures = GroundFigures(self.earthquake.move_to)
        self.map, self.sensor_figures = MotionMap(), SensorFigures()
        self.files_view = FilesView(None if downloads is None else downloads.add(self))
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
        self.map_shows = pn.widgets.Select(label="The map shows", options=MAP_CHOICES, value="PGV", width=250)
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
            ("Files and command", self.files_view.view),
            sizing_mode="stretch_width",
        )

    def request(self) -> Request:
        """The request that the controls describe.

        Raises:
            InputError: a field is empty, or a number is not valid for a source.
        """
        return Request(
            ground=self.ground.ground,
            source=self.earthquake.point_source,
            angles_deg=self.earthquake.angles_deg,
            model=self.model.model.value,
            product=self.model.chosen_product,
            realizations=self.model.realizations.value,
            seed=self.model.seed.value,
            rupture=self.earthquake.rupture,
            stations=self.stations.stations,
            simulation=self.model.simulation,
        )

    def export_request(self) -> ExportRequest | None:
        """What a download exports; None if the page shows no wavefield.

        Raises:
            InputError: the place on Earth or the origin time is not valid.
        """
        return None if self.scene is None else self.files_view.export_request(self.scene.field, self.quantity.value)

    def show(self, scene: Scene) -> None:
        """Show another scene, and in it the sensor with the largest PGV."""
        # Scene and sensor are set first, because a change of the realization redraws the page.
        self.scene, self.sensor = scene, scene.strongest_sensor()
        names = {str(number): k for k, number in enumerate(scene.realization_numbers)}
        self.shown.param.update(options=names, value=0, visible=len(names) > 1)
        self.hint.visible, self.view.visible = False, True
        self.tabs.active = MOTION_TAB
        self.files_view.offer(scene.field, scene.place)
        self.remarks.remark(scene.remarks)
        self._redraw()

    def choose_sensor(self, x_m: float, y_m: float) -> None:
        """Show the sensor nearest to a position."""
        if self.scene is not None:
            self.sensor = self.scene.nearest_sensor(x_m, y_m)
            self.map.mark(self.scene, self.sensor)
            self._redraw_sensor()

    async def generate(self) -> None:
        """Generate the wavefield that the controls describe, and show it."""
        with self._showing_errors():
            self.reply.clear()
            request, job = self.request(), Job()
            await self._make_and_show(lambda: self._studio.generate(request, job), job, self.reply)

    async def open(self, name: str, content: bytes) -> None:
        """Show the wavefield in an uploaded file."""
        await self._make_and_show(lambda: Scene.of(read_upload(name, content), base_name(name)), Job(), self.opened)

    async def open_ground(self, name: str, content: bytes) -> None:
        """Add the ground in an uploaded file to the choices, and choose it."""

        def use(ground: Ground) -> None:
            self.ground.add(ground)
            self.tabs.active = GROUND_TAB

        with self._showing_errors(self.ground.reply):
            grid = self.ground.grid()
            await self._read_and_use(name, lambda: read_ground(name, content, grid), self.ground.reply, use)

    async def open_rupture(self, name: str, content: bytes) -> None:
        """Use the rupture in an uploaded file as the earthquake."""
        reply = self.earthquake.reply
        with self._showing_errors(reply):
            place = self.place.place
            await self._read_and_use(
                name, lambda: read_rupture_upload(name, content, place), reply, self.earthquake.take
            )

    async def open_stations(self, name: str, content: bytes) -> None:
        """Use the stations in an uploaded file as sensors."""
        reply = self.stations.reply
        with self._showing_errors(reply):
            place = self.place.place
            await self._read_and_use(
                name, lambda: read_stations_upload(name, content, place), reply, self.stations.take
            )

    async def _read_and_use(self, name: str, read: Callable[[], T], reply: Reply, use: Callable[[T], None]) -> None:
        """Read a file in a thread, and use its content; errors and warnings are shown in `reply`."""
        self._count_jobs(1)
        reply.clear()
        try:
            with self._showing_errors(reply):
                read_content, remarks = await asyncio.to_thread(with_remarks(read))

                def use_on_page() -> None:
                    with self._showing_errors(reply):
                        reply.remark(with_shown_name(remarks, name))
                        use(read_content)

                self._on_next_tick(use_on_page)
        finally:
            self._count_jobs(-1)

    def cancel(self) -> None:
        """Cancel the job of this page."""
        if self.job is not None:
            self.job.cancel()

    def leave(self) -> None:
        """Cancel all work of this page, because its visitor has left."""
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
        markers = "Star: the source or the hypocentre; click to move it. Dots: a rupture. Triangles: stations."
        note = pn.pane.HTML(markers, styles=NOTE)
        return pn.Column(note, pn.FlexBox(surface, sections, sizing_mode="stretch_width"), sizing_mode="stretch_width")

    def _motion_view(self) -> pn.FlexBox:
        """Map and traces side by side if the window is wide enough, else one below the other."""
        left = pn.Column(
            pn.Row(self.map_shows, self.shown),
            self.map.figure,
            pn.Row(self.map.button, self.map.slider, sizing_mode="stretch_width"),
            self.where,
            self.table,
            styles=_MAP_SIZE,
        )
        spectra = pn.FlexBox(
            pn.Column(self.sensor_figures.response.figure, styles=_SPECTRUM_SIZE),
            pn.Column(self.sensor_figures.fourier.figure, styles=_SPECTRUM_SIZE),
            sizing_mode="stretch_width",
        )
        right = pn.Column(
            self.remarks.pane, self.quantity, *self.sensor_figures.seismograms.figures, spectra, styles=_TRACES_SIZE
        )
        return pn.FlexBox(left, right, sizing_mode="stretch_width", visible=False)

    def _connect(self) -> None:
        self.button.on_click(self._on_generate)
        self.cancel_button.on_click(lambda _: self.cancel())
        self.shown.param.watch(lambda _: self._redraw(), "value")
        self.map_shows.param.watch(lambda _: self._redraw_map(), "value")
        self.quantity.param.watch(lambda _: self._redraw_sensor(), "value")
        self.map.figure.on_event(Tap, lambda event: self.choose_sensor(1000 * event.x, 1000 * event.y))

    async def _on_generate(self, _event: Any) -> None:
        await self.generate()

    async def _make_and_show(self, make: Callable[[], Scene], job: Job, reply: Reply) -> None:
        """Make a new scene in a thread and show it, or show the error and keep the old scene.

        Scenes are made one at a time in the order of the requests, so the one requested last is shown in the end.
        """
        quantity, shown = self.quantity.value, self.map_shows.value

        def made() -> Scene:
            scene = make()
            # The first map and sensor are computed here too, in the thread.
            map_content(scene, 0, shown)
            SensorMotion.of(scene, scene.strongest_sensor(), quantity, job)
            return scene

        self._count_jobs(1)
        try:
            async with self._turn:
                reply.clear()
                self.job = job
                with self._showing_errors(reply):
                    scene = await self._watched(asyncio.get_running_loop().run_in_executor(_WORKERS, made), job)
                    if not job.cancelled:
                        self._on_next_tick(lambda: self._try_to_show(scene, reply))
        finally:
            self._count_jobs(-1)

    async def _watched(self, work: asyncio.Future[Scene], job: Job) -> Scene:
        """Wait for a job, and show its progress meanwhile."""
        while True:
            done, _ = await asyncio.wait([work], timeout=_PROGRESS_INTERVAL_S)
            if done:
                return work.result()
            self.progress.value = int(100 * job.share)
            self.doing.object = "stopping" if job.cancelled else html.escape(job.status)

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
        with self._showing_errors(reply):
            self.show(scene)
            # The time of the next simulation is estimated from the last one.
            self._show_choice()

    @contextlib.contextmanager
    def _showing_errors(self, reply: Reply | None = None) -> Iterator[None]:
        """Show an error beside its control; raise it again if the input is not the cause, so that it is logged."""
        try:
            yield
        except JobCancelledError:
            return
        except Exception as error:
            (reply or self.reply).refuse(error)
            if not isinstance(error, InputError):
                raise

    def _on_next_tick(self, act: Callable[[], None]) -> None:
        """Call `act` while the page's document is locked; figures may change only then."""
        if self._document is None:
            act()
        else:
            self._document.add_next_tick_callback(act)

    @contextlib.contextmanager
    def _showing_cost_errors(self) -> Iterator[None]:
        """Show, instead of the cost, why a simulation cannot run."""
        try:
            yield
        except InputError as error:
            self.model.show_note(str(error))

    def _show_ground(self) -> None:
        self.ground_figures.show(self.ground.ground, *self.earthquake.position_km)
        stations = self.stations.stations
        self.ground_figures.show_stations(None if stations is None else stations.stations)
        self._show_rupture()
        self._show_choice()

    def _show_rupture(self) -> None:
        """Draw the rupture when it is known, and show beside its control why it does not fit the ground."""
        self._rupture_work.cancel()
        try:
            choice, geology = self.earthquake.rupture, self.ground.ground.geology
        except InputError:
            # Not shown while the user is still typing; `request` raises it again.
            choice = None
        self.ground_figures.show_rupture(choice.rupture_in_file.position_m if isinstance(choice, FileRupture) else None)
        if choice is None:
            return
        self.earthquake.reply.clear()
        if isinstance(choice, FileRupture):
            with self._showing_errors(self.earthquake.reply):
                choice.rupture_in_file.check_inside(geology.extent_m)
        else:
            self._rupture_work.ask(
                lambda _: choice.rupture(geology), lambda made: self.ground_figures.show_rupture(made.position_m)
            )

    def _show_choice(self) -> None:
        """Show what the chosen model accepts, the command line, and the cost of a simulation."""
        anything, name = self.model.simulates, self.model.model.value
        self.earthquake.show_model_limit(not (anything or self._studio.simulates(name)))
        self.stations.show_model_limit(not (anything or self._studio.takes_stations(name)))
        self._show_command()
        self._cost_work.cancel()
        with self._showing_cost_errors():
            choice, ground, stations = self.model.simulation, self.ground.ground, self.stations.stations
            if choice is None:
                return
            self.model.show_note("Estimating the cost.")
            self._cost_work.ask(lambda _: self._studio.cost_in_words(ground, choice, stations), self.model.show_note)

    def _show_command(self) -> None:
        try:
            command = command_for(self.request(), self._studio)
        except InputError as error:
            command = f"# {printable(error)}"
        self.files_view.show_command(command)

    def _redraw(self) -> None:
        if self.scene is not None:
            self._redraw_map()
            self.map.mark(self.scene, self.sensor)
            self._redraw_sensor()

    def _redraw_map(self) -> None:
        if self.scene is None:
            return
        scene, draw, shown = self.scene, self.shown.value, self.map_shows.value
        if scene.has_measure(shown, draw):
            self._map_work.cancel()
            self.map.show(scene, map_content(scene, draw, shown))
        else:
            self._map_work.ask(lambda _: map_content(scene, draw, shown), lambda content: self.map.show(scene, content))

    def _redraw_sensor(self) -> None:
        """Show the position of the sensor at once, and its motion when it is computed."""
        if self.scene is None:
            return
        scene, sensor, quantity = self.scene, self.sensor, self.quantity.value
        x_km, y_km = scene.sensor_positions_m[sensor] / 1000
        name = scene.station_name(sensor)
        title = "Sensor" if name is None else f"Station {html.escape(printable(name, 80))}"
        self.where.object = (
            f"<b>{title} at {x_km:.2f} km East, {y_km:.2f} km North.</b> Click on the map to choose another."
        )
        cached = SensorMotion.cached(scene, sensor, quantity)
        if cached is not None:
            self._sensor_work.cancel()
            self._show_sensor_motion(scene, cached, quantity)
        else:
            self._sensor_work.ask(
                lambda job: SensorMotion.of(scene, sensor, quantity, job),
                lambda motion: self._show_sensor_motion(scene, motion, quantity),
            )

    def _show_sensor_motion(self, scene: Scene, motion: SensorMotion, quantity: Quantity) -> None:
        labels = (scene.label, scene.stage1_label)
        self.sensor_figures.show(motion, self.shown.value, quantity, labels)
        self.table.object = sensor_table(motion.rows, labels[1])


def _caption(text: str) -> pn.pane.HTML:
    return pn.pane.HTML(f"<b>{html.escape(text)}</b>", margin=(6, 10, 0, 10), styles={"font-size": "12px"})
