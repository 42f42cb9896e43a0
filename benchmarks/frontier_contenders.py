"""What benchmarks/frontier.py compares, and on what: direct simulations and stages of models; cases with a truth."""

from __future__ import annotations

import dataclasses
import itertools
import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import xarray as xr

import spectremor as sp
from spectremor.data.store import CampaignStore
from spectremor.judging.scores import LOG_BIASES, PUBLISHED_BIASES
from spectremor.model.folder import short_name
from spectremor.simulation.settings import SOLVER_VERSION

SCORES = ("EG", "PG", "rMAE_raw", "rRMSE_raw", *LOG_BIASES, *PUBLISHED_BIASES)
DURATION_S = 6.4
WINDOW_S = (0.98, 6.36)
#: Judged of a campaign's event.
USUAL_SENSORS = 64


@dataclasses.dataclass(frozen=True)
class Case:
    """Something to predict, and its truth; judged at one in `every` sensors along x and along y."""

    truth_name: str
    name: str
    geology: xr.DataArray
    source: sp.Source
    truth: xr.DataArray
    spacing_m: float = 0.0
    every: int = 1

    def scores(self, field: xr.DataArray) -> dict[str, float]:
        """Of a prediction, at paired sensors and common times."""
        truth = self.truth.isel(x=slice(None, None, self.every), y=slice(None, None, self.every))
        if self.truth_name == "SEM3D":
            found = sp.evaluate(field, truth, sensors="nearest", tolerance_m=60.0, window_s=WINDOW_S)
        else:
            found = sp.evaluate(field.sel(x=truth.x, y=truth.y, method="nearest", tolerance=1.0), truth)
        return {name: float(found[name]) for name in SCORES}


def sem3d_cases(samples: list[int]) -> Iterator[Case]:
    source = sp.Source.from_angles(
        position_m=(4800, 4800, -8400), strike_deg=48, dip_deg=45, rake_deg=88, moment_nm=2.47e16, convention="hemew"
    )
    folder = Path(os.environ.get("SPECTREMOR_SHARED", "../shared")) / "hemew3d"
    for i in samples:
        path = folder / f"sample{i}.h5"
        yield Case("SEM3D", f"sample{i}", sp.read_geology(path), source, sp.read_wavefield(path))


def store_cases(path: Path, events: int, every: int) -> Iterator[Case]:
    store = CampaignStore.open(path)
    for i in map(int, store.ids("test")[:events]):
        truth = store.wavefield(i)
        spacing = float(store.grid_spacing_m or 0.0)
        judged = math.ceil(truth.sizes["x"] / every) * math.ceil(truth.sizes["y"] / every)
        # Scores of other sensors are scores of another truth.
        name = f"{spacing:g} m" + ("" if judged == USUAL_SENSORS else f", {judged} sensors")
        yield Case(name, f"{i}", store.geology(i), store.source(i), truth, spacing, every)


Maker = Callable[[Case], xr.DataArray]


@dataclasses.dataclass(frozen=True)
class Contender:
    """Something that makes a wavefield of 6.4 s from a case.

    Attributes:
        name: in the table.
        curve: that it is a point of, in the figure.
        label: at its point.
        made_by: solver version or digest of the weights.
    """

    name: str
    curve: str
    label: str
    made_by: str

    def suits(self, case: Case) -> bool:
        """Whether the comparison says anything."""
        raise NotImplementedError

    def prepare(self, case: Case) -> Maker:
        """Load what is loaded once, and return the work that is timed."""
        raise NotImplementedError


@dataclasses.dataclass(frozen=True)
class Simulation(Contender):
    """Direct simulation."""

    spacing_m: float
    order: int

    def suits(self, case: Case) -> bool:
        """A grid is not judged by one that is no finer."""
        return self.spacing_m > case.spacing_m

    def prepare(self, case: Case) -> Maker:
        """Fractions of a second on a coarse grid load the solver."""
        sp.simulate(case.geology, case.source, grid_spacing_m=max(400.0, self.spacing_m), order=8, duration_s=0.2)
        return self.make

    def make(self, case: Case) -> xr.DataArray:
        """The wavefield."""
        return sp.simulate(
            case.geology, case.source, grid_spacing_m=self.spacing_m, order=self.order, duration_s=DURATION_S
        )


@dataclasses.dataclass(frozen=True)
class Stages(Contender):
    """Stage 1 of a model (`steps` 0), or both of its stages; `sampler` None: the model's own."""

    model: Path
    steps: int
    sampler: str | None

    def suits(self, case: Case) -> bool:  # noqa: ARG002
        """Always."""
        return True

    def prepare(self, case: Case) -> Maker:
        """A first wavefield loads what a model loads when it is first used."""
        model = sp.load_model(self.model)

        def make(case: Case) -> xr.DataArray:
            if not self.steps:
                return model.predict(case.geology, case.source)
            return model.generate(case.geology, case.source, steps=self.steps, sampler=self.sampler)

        make(case)
        return make


@dataclasses.dataclass(frozen=True)
class Expected(Contender):
    """The mean of a model's draws."""

    model: Path

    def suits(self, case: Case) -> bool:  # noqa: ARG002
        """Always."""
        return True

    def prepare(self, case: Case) -> Maker:
        """As `Stages.prepare`."""
        model = sp.load_model(self.model)
        model.expect(case.geology, case.source)
        return lambda case: model.expect(case.geology, case.source)


def simulations(grids: list[float], orders: list[int]) -> Iterator[Contender]:
    for order, spacing in itertools.product(orders, grids):
        made_by, curve, label = f"solver {SOLVER_VERSION}", simulation_curve(order), f"{spacing:g} m"
        yield Simulation(f"{label}, order {order}", curve, label, made_by, spacing, order)


def simulation_curve(order: int) -> str:
    """The name of a curve of simulations."""
    return f"simulation, order {order}"


def stages(folder: Path, parts: list[str], steps: list[int], samplers: list[str]) -> Iterator[Contender]:
    model = sp.load_model(folder)
    name, made_by = short_name(folder), model.model_id
    if model.diffusion is not None and model.diffusion.config.draws_in_one_step:
        steps, samplers = [1], []
    if "stage1" in parts:
        yield Stages(f"{name}: stage 1", f"model {name}", "stage 1", made_by, folder, 0, None)
    if "expect" in parts:
        yield Expected(f"{name}: expect", f"model {name}, expect", "mean", made_by, folder)
    for sampler, k in itertools.product((None, *samplers), steps) if "diffusion" in parts else ():
        called, curve = f"{name}: both, {k} steps", f"model {name}"
        if sampler:
            called, curve = f"{called}, {sampler}", f"{curve}, sampler {sampler}"
        yield Stages(called, curve, f"{k} step{'s' if k > 1 else ''}", made_by, folder, k, sampler)
