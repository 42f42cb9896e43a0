"""What a visitor sets: the ground, the earthquake, the model. Each part knows its widgets and what they say together.

A rupture becomes a part beside `EarthquakeControls`, a list of stations one beside `GroundControls`, when models take
them: `Page` asks its parts for a request and for nothing else.
"""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

import panel as pn

from spectremor.core.errors import InputError
from spectremor.core.source import Source
from spectremor.web.ground import Ground
from spectremor.web.mechanism import Mechanism
from spectremor.web.studio import Product, Studio, products_of
from spectremor.web.uploads import GROUND_SUFFIXES, MAX_UPLOAD_MB

NOTE = {"color": "#5b626d", "font-size": "12px", "overflow-wrap": "anywhere"}
#: Runs in the browser: a field that holds a file hides the words to choose another by.
_EMPTY_UPLOAD = "if (!source.disabled) Bokeh.index.find_one(source)?._file_pond?.removeFiles()"
_FULL = 332
_HALF, _THIRD = 156, 97


def heading(text: str) -> pn.pane.HTML:
    """Above a part of the page."""
    return pn.pane.HTML(f"<h2>{html.escape(text)}</h2>", margin=(6, 10, 0, 10), stylesheets=[_HEADING])


_HEADING = "h2 { font-size: 15px; margin: 0; color: #20262e; font-weight: 650 }"


def upload_field(open_file: Callable[[str, bytes], Any]) -> pn.widgets.FileDropper:
    """A field for one file after another; each is taken out at once, for what has been read need not be kept.

    It sends a file in pieces, says itself when one is too large, and reports each choice, also of the same bytes.
    """
    field = pn.widgets.FileDropper(max_file_size=f"{MAX_UPLOAD_MB}MB", previews=[], width=_FULL)

    async def opened(_event: Any) -> None:
        files, field.value = field.value, {}
        for name, content in files.items():
            # The widget decodes what the browser calls text.
            await open_file(name, content.encode() if isinstance(content, str) else content)

    field.param.watch(opened, "value")
    field.jscallback(disabled=_EMPTY_UPLOAD)
    return field


class GroundControls:
    """Which ground: one that is offered, or a visitor's own file.

    Args:
        grounds: that are offered, the first choice first.
        open_file: reads an uploaded one.
        changed: called when another ground is chosen.
    """

    def __init__(self, grounds: list[Ground], open_file: Callable[[str, bytes], Any], changed: Callable[[], None]):
        self.choice = pn.widgets.Select(
            label="Ground", options={ground.label: ground for ground in grounds}, value=grounds[0], width=_FULL
        )
        self.about = pn.pane.HTML("", styles=NOTE, margin=(0, 10))
        self.upload = upload_field(open_file)
        self.choice.param.watch(lambda _: self._describe(), "value")
        self.choice.param.watch(lambda _: changed(), "value")
        self._describe()

    @property
    def ground(self) -> Ground:
        """The one that is chosen."""
        return self.choice.value

    def add(self, ground: Ground) -> None:
        """Offer another one to this visitor, and choose it."""
        options = {ground.label: ground} | {k: v for k, v in self.choice.options.items() if k != ground.label}
        self.choice.param.update(options=options, value=ground)

    def parts(self) -> list[Any]:
        """From top to bottom."""
        kinds = ", ".join(GROUND_SUFFIXES)
        note = pn.pane.HTML(
            f"Your own ground ({kinds}, at most {MAX_UPLOAD_MB} MB):", styles=NOTE, margin=(6, 10, 0, 10)
        )
        return [heading("1. Ground"), self.choice, self.about, note, self.upload]

    def _describe(self) -> None:
        ground, vs = self.ground, self.ground.vs_km_s
        size = " × ".join(f"{side:.3g}" for side in ground.extent_km)
        nodes = " × ".join(str(n) for n in vs.shape)
        self.about.object = f"{size} km, {nodes} nodes, Vs {vs.min():.2f} to {vs.max():.2f} km/s"


class EarthquakeControls:
    """A point source, by numbers; clicks on the figures of the ground set the same numbers.

    Args:
        start: what the numbers are at first.
        changed: called when one of them changes.
    """

    def __init__(self, start: Source, changed: Callable[[], None]) -> None:
        strike, dip, rake = start.strike_dip_rake_deg()
        x, y, z = start.position_m
        self.numbers = {
            "x": _number("East (km)", round(x / 1000, 3), 0.1, _THIRD),
            "y": _number("North (km)", round(y / 1000, 3), 0.1, _THIRD),
            "depth": _number("Depth (km)", round(-z / 1000, 3), 0.1, _THIRD),
            "mw": _number("Magnitude Mw", round(start.mw, 2), 0.1, _HALF),
            "strike": _number("Strike (°)", round(strike, 2), 1.0, _HALF),
            "dip": _number("Dip (°)", round(dip, 2), 1.0, _HALF),
            "rake": _number("Rake (°)", round(rake, 2), 1.0, _HALF),
        }
        self.mechanism = Mechanism()
        self._changed = changed
        for number in self.numbers.values():
            number.param.watch(lambda _: self._on_change(), "value")
        self._draw()

    @property
    def source(self) -> Source:
        """The earthquake that the numbers describe.

        Raises:
            InputError: an empty field, or a number that no source has.
        """
        value = {name: self._value(name) for name in self.numbers}
        return Source.from_angles(
            position_m=(1000 * value["x"], 1000 * value["y"], -1000 * value["depth"]),
            strike_deg=value["strike"],
            dip_deg=value["dip"],
            rake_deg=value["rake"],
            mw=value["mw"],
        )

    @property
    def angles_deg(self) -> tuple[float, float, float]:
        """Strike, dip and rake as they were typed."""
        return self._value("strike"), self._value("dip"), self._value("rake")

    @property
    def place_km(self) -> tuple[float, float, float]:
        """East, North and depth; 0 where a field is empty."""
        x, y, depth = (float(self.numbers[name].value or 0.0) for name in ("x", "y", "depth"))
        return x, y, depth

    def place(self, east_km: float | None, north_km: float | None, depth_km: float | None) -> None:
        """Move the source; None: that coordinate stays."""
        for name, value in (("x", east_km), ("y", north_km), ("depth", depth_km)):
            if value is not None:
                self.numbers[name].value = round(value, 2)

    def parts(self) -> list[Any]:
        """From top to bottom."""
        n = self.numbers
        where = pn.pane.HTML("Type a position, or click on the map or a section.", styles=NOTE, margin=(0, 10))
        ball = pn.Column(pn.pane.HTML("Mechanism", margin=(5, 10, 0, 10), styles=NOTE), self.mechanism.figure)
        return [
            heading("2. Earthquake"),
            where,
            pn.Row(n["x"], n["y"], n["depth"]),
            pn.Row(pn.Column(n["mw"], n["strike"], n["dip"], n["rake"]), ball),
        ]

    def _value(self, name: str) -> float:
        widget = self.numbers[name]
        if widget.value is None:
            raise InputError(widget.label, "nothing", "a number")
        return float(widget.value)

    def _on_change(self) -> None:
        self._draw()
        self._changed()

    def _draw(self) -> None:
        try:
            self.mechanism.show(self.source)
        except InputError:
            # Said when the earthquake is asked for; while a person types, half a number is no fault.
            return


class ModelControls:
    """Which model, and what it is to make.

    Args:
        studio: that has the models.
        changed: called when a choice changes.
    """

    def __init__(self, studio: Studio, changed: Callable[[], None]) -> None:
        self._studio = studio
        self.model = pn.widgets.Select(label="Model", options=studio.models, value=studio.models[0], width=_HALF)
        self.product = pn.widgets.Select(label="Make", options=self._products(), width=_HALF)
        self.realizations = pn.widgets.IntInput(label="Realizations", value=4, width=_HALF)
        # Without bounds: the browser would replace what lies outside them, and say nothing.
        self.seed = pn.widgets.IntInput(label="Seed", value=0, width=_HALF)
        self.about = pn.pane.HTML("", styles=NOTE, margin=(0, 10))
        self.model.param.watch(lambda _: self._on_model(changed), "value")
        for widget in (self.product, self.realizations, self.seed):
            widget.param.watch(lambda _: self._describe(), "value")
            widget.param.watch(lambda _: changed(), "value")
        self._describe()

    @property
    def chosen(self) -> Product:
        """What to make."""
        return self.product.value

    def parts(self) -> list[Any]:
        """From top to bottom."""
        return [
            heading("3. Model"),
            pn.Row(self.model, self.product),
            pn.Row(self.realizations, self.seed),
            self.about,
        ]

    def _products(self) -> dict[str, Product]:
        return products_of(self._studio.config(self.model.value))

    def _on_model(self, changed: Callable[[], None]) -> None:
        products = self._products()
        kept = self.product.value if self.product.value in products.values() else next(iter(products.values()))
        self.product.param.update(options=products, value=kept)
        self._describe()
        changed()

    def _describe(self) -> None:
        drawn = self.chosen == "draws"
        self.realizations.disabled = self.seed.disabled = not drawn
        self.about.object = html.escape(self._studio.about(self.model.value))


def _number(label: str, value: float, step: float, width: int) -> pn.widgets.FloatInput:
    """A field for a number, without bounds: the browser would replace what lies outside them, and say nothing."""
    return pn.widgets.FloatInput(label=label, value=value, step=step, width=width, format="0[.][000]")
