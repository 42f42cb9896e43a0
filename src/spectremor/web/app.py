"""The page: controls on the left; map, seismograms and spectra of what they made on the right."""

from __future__ import annotations

import asyncio
import contextlib
import html
import io
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import panel as pn
import xarray as xr
from bokeh.events import Tap

from spectremor.core.errors import InputError
from spectremor.core.source import Source
from spectremor.data.wavefield_files import write_wavefield
from spectremor.web.figures import Mechanism, PeakMap, Seismograms, Spectra
from spectremor.web.scene import Scene
from spectremor.web.uploads import MAX_UPLOAD_MB, read_upload

#: Makes a scene from a source, a number of realizations and a seed (None: the field is empty), and says meanwhile which
#: share is done.
Generate = Callable[[Source, int, int | None, Callable[[float], None]], Scene]
_HINT = "Set an earthquake on the left and press <b>Generate</b>, or open a wavefield that you have."
_ABOUT = {"color": "#5b626d", "overflow-wrap": "anywhere"}
#: Share of the width that each takes: grow, shrink, and the width below which it has a row of its own.
_MAP_SIZE = {"flex": "1 1 400px", "min-width": "0", "max-width": "540px"}
_TRACES_SIZE = {"flex": "2 1 400px", "min-width": "0"}
#: Without it the title is wider than a phone.
_NARROW = "@media (max-width: 600px) { #header .title { font-size: 0.75em } }"
#: Runs in the browser: a field that holds a file hides the words to choose another by.
_EMPTY_UPLOAD = "if (!source.disabled) Bokeh.index.find_one(source)?._file_pond?.removeFiles()"
#: The look of panel's own alerts, which would read names in files as Markdown and HTML.
_ALERT = {
    "color": "var(--danger-text-color, #842029)",
    "background-color": "var(--danger-bg-subtle, #f8d7da)",
    "border": "1px solid var(--danger-border-subtle, #f5c2c7)",
    "border-radius": "0.25rem",
    "padding": "0.75rem 1.25rem",
    "overflow-wrap": "anywhere",
}


class Page:
    """One visitor's page.

    Args:
        generate: runs the model.
        start: source that the sliders start from.
        extent_km: size of the domain along x, y and depth.
        scene: what to show first; None: an empty page that says what to do.
        about: what `generate` works with, in one line of plain text.
    """

    def __init__(
        self,
        generate: Generate,
        start: Source,
        extent_km: tuple[float, float, float],
        scene: Scene | None = None,
        *,
        about: str = "",
    ) -> None:
        self._generate = generate
        self.scene: Scene | None = None
        self.sensor = (0, 0)
        self.map, self.seismograms, self.spectra = PeakMap(), Seismograms(), Spectra()
        self.mechanism = Mechanism()
        self._turn, self._jobs = asyncio.Lock(), 0
        self.message = pn.pane.HTML("", visible=False, margin=(0, 0, 8, 0), styles=_ALERT, sizing_mode="stretch_width")
        self.about = pn.pane.HTML(html.escape(about), styles=_ABOUT, visible=bool(about), sizing_mode="stretch_width")
        self.sliders = _sliders(start, extent_km)
        self.realizations = pn.widgets.IntSlider(label="Realizations", start=1, end=4, value=1, width=170)
        # Without bounds: the browser would replace what lies outside them, and say nothing.
        self.seed = pn.widgets.IntInput(label="Seed", value=0, width=140)
        self.button = pn.widgets.Button(label="Generate", color="danger", sizing_mode="stretch_width")
        self.progress = pn.indicators.Progress(value=0, max=100, bar_color="danger", visible=False, width=340)
        # It sends a file in pieces, says itself when one is too large, and reports each choice, also of the same bytes.
        self.upload = pn.widgets.FileDropper(max_file_size=f"{MAX_UPLOAD_MB}MB", previews=[], width=340)
        self.shown = pn.widgets.Select(label="Realization", options={"0": 0}, value=0, visible=False, width=110)
        self.where = pn.pane.HTML("", margin=(4, 10))
        self.hint = pn.pane.HTML(_HINT, styles={"font-size": "16px", "color": "#5b626d"}, margin=(40, 30))
        self.download = pn.widgets.FileDownload(
            callback=self._as_netcdf, filename="wavefield.nc", label="Download NetCDF", width=220, align="end"
        )
        self.view = self._view()
        self._connect()
        self._show_mechanism()
        if scene is not None:
            self.show(scene)

    @property
    def source(self) -> Source:
        """The earthquake that the sliders describe."""
        value: dict[str, Any] = {name: slider.value for name, slider in self.sliders.items()}
        return Source.from_angles(
            position_m=(1000 * value["x"], 1000 * value["y"], -1000 * value["depth"]),
            strike_deg=value["strike"],
            dip_deg=value["dip"],
            rake_deg=value["rake"],
            mw=value["mw"],
        )

    def show(self, scene: Scene) -> None:
        """Show another scene, at the sensor that shakes most."""
        peak = scene.peak_velocity_m_s(0)
        # Scene and sensor change together, and first: the choice of a realization redraws when it changes.
        self.scene, self.sensor = scene, divmod(int(peak.argmax()), peak.shape[1])
        names = {str(number): k for k, number in enumerate(scene.realization_numbers)}
        self.shown.param.update(options=names, value=0, visible=len(names) > 1)
        self.hint.visible, self.view.visible = False, True
        self._redraw()

    def choose(self, x_m: float, y_m: float) -> None:
        """Look at the sensor nearest to a point."""
        if self.scene is not None:
            self.sensor = self.scene.nearest_sensor(x_m, y_m)
            self._redraw_sensor()

    async def generate(self) -> None:
        """Run the model on what the controls say, and show what it made."""
        source, seed = self.source, self.seed.value
        realizations = cast("int", self.realizations.value)
        await self._attempt(lambda: self._generate(source, realizations, seed, self._say))

    async def open(self, name: str, content: bytes) -> None:
        """Show the wavefield in an uploaded file."""
        await self._attempt(lambda: Scene.of(read_upload(name, content), Path(name).name))

    def layout(self) -> pn.template.base.BasicTemplate:
        """The page as a panel template."""
        controls = [
            self.message,
            pn.pane.HTML("<b>Earthquake</b>"),
            *[self.sliders[name] for name in ("x", "y", "depth", "mw")],
            pn.Row(
                pn.Column(*[self.sliders[name] for name in ("strike", "dip", "rake")], width=190),
                pn.Column(pn.pane.HTML("Mechanism", margin=(0, 10)), self.mechanism.figure),
            ),
            pn.Row(self.realizations, self.seed),
            self.button,
            self.about,
            self.progress,
            pn.layout.Divider(),
            pn.pane.HTML(f"<b>Or open a wavefield</b> (NetCDF, at most {MAX_UPLOAD_MB} MB)"),
            self.upload,
        ]
        # This template, unlike its siblings, asks nothing of the internet.
        page = pn.template.BootstrapTemplate(
            title="Spectremor: earthquake ground motion",
            sidebar=controls,
            sidebar_width=380,
            main=[self.hint, self.view],
            header_background="#8f1a22",
        )
        page.config.raw_css.append(_NARROW)
        return page

    def _view(self) -> pn.FlexBox:
        """Map and traces side by side where both have room, else one below the other."""
        left = pn.Column(self.map.figure, self.where, pn.Row(self.shown, self.download), styles=_MAP_SIZE)
        right = pn.Column(*self.seismograms.figures, self.spectra.figure, styles=_TRACES_SIZE)
        return pn.FlexBox(left, right, sizing_mode="stretch_width", visible=False)

    def _connect(self) -> None:
        self.button.on_click(self._on_generate)
        self.shown.param.watch(lambda _: self._redraw(), "value")
        self.upload.param.watch(self._on_upload, "value")
        self.upload.jscallback(disabled=_EMPTY_UPLOAD)
        self.map.figure.on_event(Tap, lambda event: self.choose(1000 * event.x, 1000 * event.y))
        for slider in self.sliders.values():
            slider.param.watch(lambda _: self._show_mechanism(), "value")

    async def _on_generate(self, _event: Any) -> None:
        await self.generate()

    async def _on_upload(self, _event: Any) -> None:
        # Taken out at once: what has been read need not be kept.
        files, self.upload.value = self.upload.value, {}
        for name, content in files.items():
            # The widget decodes what the browser calls text.
            await self.open(name, content.encode() if isinstance(content, str) else content)

    def _say(self, share: float) -> None:
        self.progress.value = int(100 * share)

    async def _attempt(self, make: Callable[[], Scene]) -> None:
        """Make a new scene in a thread and show it, or say in one line why there is none; the old one stays.

        One at a time, in the order asked for: what was asked for last is what is shown in the end.
        """
        self._count_jobs(1)
        try:
            async with self._turn:
                self.message.visible = False
                self.progress.value = 0
                with self._complaints():
                    scene = await asyncio.to_thread(make)
                    self._on_next_tick(lambda: self._try_to_show(scene))
        finally:
            self._count_jobs(-1)

    def _count_jobs(self, change: int) -> None:
        self._jobs += change
        self.button.disabled = self.upload.disabled = self.progress.visible = self._jobs > 0

    def _try_to_show(self, scene: Scene) -> None:
        with self._complaints():
            self.show(scene)

    @contextlib.contextmanager
    def _complaints(self) -> Iterator[None]:
        """What goes wrong is said on the page; what is no fault of the input goes on to the log too."""
        try:
            yield
        except Exception as error:
            self.message.param.update(object=html.escape(str(error)), visible=True)
            if not isinstance(error, InputError):
                raise

    def _on_next_tick(self, act: Callable[[], None]) -> None:
        """Act on the figures, which may change only while the page's document is locked."""
        document = pn.state.curdoc
        if document is None:
            act()
        else:
            document.add_next_tick_callback(act)

    def _show_mechanism(self) -> None:
        self.mechanism.show(self.source)

    def _redraw(self) -> None:
        if self.scene is not None:
            self.map.show(self.scene, self.shown.value)
            self._redraw_sensor()

    def _redraw_sensor(self) -> None:
        if self.scene is None:
            return
        ix, iy = self.sensor
        self.map.mark(self.scene, ix, iy)
        self.seismograms.show(self.scene, self.shown.value, ix, iy)
        self.spectra.show(self.scene, self.shown.value, ix, iy)
        x_km, y_km = float(self.scene.field["x"][ix]) / 1000, float(self.scene.field["y"][iy]) / 1000
        peak = self.scene.peak_velocity_m_s(self.shown.value)[ix, iy] * 100
        self.where.object = (
            f"Sensor at {x_km:.2f} km East, {y_km:.2f} km North: peak velocity <b>{peak:.2f} cm/s</b>,"
            " the largest norm of the three components. Click the map to choose another."
        )

    def _as_netcdf(self) -> io.BytesIO:
        if self.scene is None:
            raise InputError("download", "nothing", "a wavefield: generate or open one first")
        return io.BytesIO(netcdf_bytes(self.scene.field))


def netcdf_bytes(field: xr.DataArray) -> bytes:
    """The wavefield as the project's NetCDF file."""
    with tempfile.TemporaryDirectory(prefix="spectremor-") as folder:
        path = Path(folder) / "wavefield.nc"
        write_wavefield(field, path)
        return path.read_bytes()


def _sliders(start: Source, extent_km: tuple[float, float, float]) -> dict[str, pn.widgets.FloatSlider]:
    strike, dip, rake = start.strike_dip_rake_deg()
    x, y, z = (v / 1000 for v in start.position_m)
    lx, ly, lz = extent_km
    margin = 1.2
    settings = {
        "x": ("East (km)", margin, lx - margin, 0.1, x),
        "y": ("North (km)", margin, ly - margin, 0.1, y),
        "depth": ("Depth (km)", 0.6, lz - 0.6, 0.1, -z),
        "mw": ("Magnitude Mw", 3.0, 6.0, 0.1, start.mw),
        "strike": ("Strike (degrees)", 0.0, 360.0, 1.0, strike),
        "dip": ("Dip (degrees)", 0.0, 90.0, 1.0, dip),
        "rake": ("Rake (degrees)", -180.0, 180.0, 1.0, rake),
    }
    return {
        name: pn.widgets.FloatSlider(
            label=label,
            start=low,
            end=high,
            step=step,
            value=min(max(round(min(max(value, low), high) / step) * step, low), high),
            sizing_mode="stretch_width",
        )
        for name, (label, low, high, step, value) in settings.items()
    }
