"""Controls for the model, or a simulation without one, and for the product."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

import panel as pn

from spectremor.web.choices import SimulationChoice
from spectremor.web.controls import HALF, THIRD, heading, note, number, number_in
from spectremor.web.studio import Product, Studio, products_of

SIMULATION_ONLY = "Simulation only"


class ModelControls:
    """The choice of a model and of what it makes.

    Args:
        studio: has the models.
        changed: called when a choice changes.
    """

    def __init__(self, studio: Studio, changed: Callable[[], None]) -> None:
        self._studio = studio
        options = {name: name for name in studio.models} | {SIMULATION_ONLY: SIMULATION_ONLY}
        self.model = pn.widgets.Select(label="Model", options=options, value=studio.models[0], width=HALF)
        self.grid_spacing = number("Grid spacing (m)", 300.0, 50.0, THIRD)
        self.duration, self.lowpass = number("Duration (s)", 8.0, 1.0, THIRD), number("Low-pass (Hz)", 2.0, 0.5, THIRD)
        self.product = pn.widgets.Select(label="Make", options=self._products(), width=HALF)
        self.realizations = pn.widgets.IntInput(label="Realizations", value=4, width=HALF)
        # Without bounds, because the browser would silently replace a number outside them.
        self.seed = pn.widgets.IntInput(label="Seed", value=0, width=HALF)
        self.about = note("")
        self._draws = pn.Row(self.realizations, self.seed)
        self._run = pn.Row(self.grid_spacing, self.duration, self.lowpass, visible=False)
        self.model.param.watch(lambda _: self._on_model(changed), "value")
        for field in (self.grid_spacing, self.duration, self.lowpass):
            field.param.watch(lambda _: changed(), "value")
        for widget in (self.product, self.realizations, self.seed):
            widget.param.watch(lambda _: self._describe(), "value")
            widget.param.watch(lambda _: changed(), "value")
        self._describe()

    @property
    def chosen_product(self) -> Product:
        """The product to make: draws, mean, or stage 1 alone."""
        return self.product.value

    @property
    def simulates(self) -> bool:
        """Whether a simulation without a model is chosen."""
        return bool(self.model.value == SIMULATION_ONLY)

    @property
    def simulation(self) -> SimulationChoice | None:
        """The settings of the simulation; None if a model is chosen.

        Raises:
            InputError: a field is empty, or the duration is longer than the page allows.
        """
        if not self.simulates:
            return None
        return SimulationChoice(number_in(self.grid_spacing), number_in(self.duration), number_in(self.lowpass))

    def show_note(self, text: str) -> None:
        """Show a text below the controls."""
        self.about.object = html.escape(text)

    def parts(self) -> list[Any]:
        """The controls, from top to bottom."""
        return [
            heading("4. Model"),
            pn.Row(self.model, self.product),
            self._draws,
            self._run,
            self.about,
        ]

    def _products(self) -> dict[str, Product]:
        return products_of(self._studio.config(self.model.value))

    def _on_model(self, changed: Callable[[], None]) -> None:
        self.product.visible = self._draws.visible = not self.simulates
        self._run.visible = self.simulates
        if not self.simulates:
            products = self._products()
            product = self.product.value if self.product.value in products.values() else next(iter(products.values()))
            self.product.param.update(options=products, value=product)
        self._describe()
        changed()

    def _describe(self) -> None:
        if not self.simulates:
            self.realizations.disabled = self.seed.disabled = self.chosen_product != "draws"
            self.show_note(self._studio.about(self.model.value))
