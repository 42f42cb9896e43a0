"""The models and grounds that all pages share; they are loaded once and used for one job at a time."""

from __future__ import annotations

import dataclasses
import threading
import time
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from spectremor.core.errors import InputError
from spectremor.core.georeference import Georeference
from spectremor.core.rupture import Rupture
from spectremor.core.source import Source
from spectremor.model.config import ModelConfig
from spectremor.model.folder import DEFAULT_MODEL, SHIPPED, ModelFolder, read_model_folder, shipped_names
from spectremor.model.region import MotionRequest
from spectremor.simulation.progress import progress_told_to
from spectremor.web.choices import ONLY_GRID, ONLY_POINTS, RuptureChoice, SimulationChoice, StationList, check_places
from spectremor.web.ground import Ground, example_ground
from spectremor.web.jobs import Job
from spectremor.web.remarks import collecting_remarks
from spectremor.web.scene import Scene

if TYPE_CHECKING:
    from spectremor.simulation.plan import Plan

#: What to make: draws, the mean, or stage 1 alone.
Product = Literal["draws", "mean", "stage1"]
#: Cells times time steps per second of a simulation on two cores of a server; used until one has run here.
DEFAULT_CELL_STEPS_PER_S = 3e7
#: Largest number of open pages; each holds a wavefield.
MAX_PAGES = 32
#: Largest number of realizations of a request; each takes a few MB in the browser.
MAX_REALIZATIONS = 20


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
    """A request of a visitor; it is checked when it is carried out.

    Attributes:
        ground: the ground.
        source: the earthquake as a point source; None if it is a rupture.
        angles_deg: strike, dip and rake of the source as they were typed.
        model: name of a model in the studio; not used if `simulation` is given.
        product: draws, mean, or stage 1 alone.
        realizations: number of draws; None if the field is empty.
        seed: seed of the draws; None if the field is empty.
        rupture: the earthquake as a rupture; None if it is a point source.
        stations: the stations; None: a grid of sensors.
        simulation: settings of a simulation without a model; None: the model is used.
    """

    ground: Ground
    source: Source | None
    angles_deg: tuple[float, float, float]
    model: str
    product: Product = "draws"
    realizations: int | None = 1
    seed: int | None = 0
    rupture: RuptureChoice | None = None
    stations: StationList | None = None
    simulation: SimulationChoice | None = None

    def place(self) -> Georeference | None:
        """Location on Earth of the domain's corner, as given for the files in degrees; None without such files.

        Raises:
            InputError: two files were read with different locations.
        """
        return check_places(
            (
                ("ground", self.ground.place),
                ("rupture", None if self.rupture is None else self.rupture.place),
                ("stations", None if self.stations is None else self.stations.place),
            )
        )

    def check_operator_accepts(self, *, stations: bool) -> None:
        """Refuse what simulations accept but a neural operator does not.

        Args:
            stations: whether the operator accepts stations.

        Raises:
            InputError: the request has a rupture, or a list of stations that is not accepted.
        """
        if self.rupture is not None:
            raise InputError("earthquake", "a rupture", f"a point source. {ONLY_POINTS}")
        if self.stations is not None and not stations:
            raise InputError("sensors", f"the stations of {self.stations.name}", f"the grid of sensors. {ONLY_GRID}")

    def earthquake(self) -> Source | Rupture:
        """The earthquake: a point source, or the rupture in this ground.

        Raises:
            InputError: there is no earthquake, or the rupture does not fit into the ground.
        """
        if self.rupture is not None:
            return self.rupture.rupture(self.ground.geology)
        if self.source is None:
            raise InputError("earthquake", "nothing", "a point source or a rupture")
        return self.source


class Studio:
    """Models and grounds, shared by all visitors.

    Args:
        model: a model that is offered first, before those that ship; None: the default model. Weights are read on
            first use.
        ground: a geology that is offered first, before the example; None: only the example.

    Raises:
        InputError: a model folder is not valid.
    """

    def __init__(self, model: ModelFolder | None = None, ground: Ground | None = None) -> None:
        self.grounds = [*([] if ground is None else [ground]), example_ground()]
        self._folders = _model_folders(model)
        self._models: dict[str, Any] = {}
        self._cell_steps_per_s = DEFAULT_CELL_STEPS_PER_S
        self._lock = threading.Lock()
        self._jobs: weakref.WeakSet[Job] = weakref.WeakSet()

    @property
    def models(self) -> list[str]:
        """Names of the models; the first one is chosen at the start."""
        return list(self._folders)

    def about(self, model: str) -> str:
        """Description of a model in one line."""
        return _about(model, self.config(model))

    def config(self, model: str) -> ModelConfig:
        """The config of a model."""
        return self._folders[model].config

    def command_folder(self, model: str) -> str:
        """Name or folder of a model for the command line."""
        folder = self._folders[model].path
        return model if folder.parent == SHIPPED else str(folder)

    def cancel_all(self) -> None:
        """Cancel the jobs of all visitors, because the server stops."""
        for job in list(self._jobs):
            job.cancel()

    def generate(self, request: Request, job: Job) -> Scene:
        """Carry out a request.

        Raises:
            InputError: the request or its files are not valid, or the model refuses them.
            JobCancelledError: the job was cancelled.
        """
        from spectremor.model.draws import check_job

        self._jobs.add(job)
        place = request.place()
        choice = request.simulation
        if choice is not None:
            return self._in_turn(lambda: self._simulate(request, choice, job), job, place)
        self.check_accepted(request)
        drawn = request.product == "draws"
        check_job(request.realizations if drawn else 1, request.seed if drawn else 0, None)
        if drawn and (request.realizations or 0) > MAX_REALIZATIONS:
            raise InputError("realizations", request.realizations, f"1 to {MAX_REALIZATIONS} on this page")
        stage1_only = request.product == "stage1"
        earthquake, motion, folder = request.earthquake(), _motion_request(request), self._folders[request.model]
        folder.check_ground_of(request.ground.path, request.ground.geology)
        folder.check_run(request.ground.geology, earthquake, motion, stage1_only=stage1_only)
        return self._in_turn(lambda: self._generate(request, earthquake, job), job, place)

    def simulates(self, model: str) -> bool:
        """Whether stage 1 of a model is a simulation, which accepts ruptures, stations and any ground."""
        return self.config(model).learned is not None

    def takes_stations(self, model: str) -> bool:
        """Whether a model accepts stations: one that simulates, or whose operator sees the ground along each ray."""
        return self.simulates(model) or self.config(model).learned_cube.any_sensors

    def check_accepted(self, request: Request) -> None:
        """Refuse a request that its model does not accept.

        Raises:
            InputError: the model is a neural operator, and the request has a rupture, or stations that it refuses.
        """
        if request.simulation is None and not self.simulates(request.model):
            request.check_operator_accepts(stations=self.takes_stations(request.model))

    def cost_in_words(self, ground: Ground, choice: SimulationChoice, stations: StationList | None) -> str:
        """Size, memory and estimated time of a simulation, in words.

        Raises:
            InputError: the simulation cannot run.
        """
        from spectremor.simulation.plan import time_in_words

        cost = self._cost(ground, choice, stations)
        size = (
            f"{cost.cells / 1e6:.2g} million cells, {cost.steps} steps, {cost.memory_bytes / 2**30:.1g} GiB of memory"
        )
        return f"Costs at most {size}: about {time_in_words(cost.work / self._cell_steps_per_s)} on this machine."

    def _cost(self, ground: Ground, choice: SimulationChoice, stations: StationList | None) -> Plan:
        from spectremor.simulation.plan import plan_at_spacing
        from spectremor.simulation.sensors import parse_sensors
        from spectremor.simulation.settings import SimulationSettings

        listed = None if stations is None else stations.stations
        sensors = parse_sensors(None, listed, None, ground.geology)
        recording = choice.recording(sensors)
        return plan_at_spacing(ground.geology, recording, SimulationSettings(grid_spacing_m=choice.grid_spacing_m))

    def _in_turn(self, make: Callable[[], Scene], job: Job, place: Georeference | None) -> Scene:
        """Run one job after the other, and collect its warnings."""
        job.begin("waiting for another job to end")
        while not self._lock.acquire(timeout=0.1):
            job.report(0.0)
        try:
            with collecting_remarks() as collected, progress_told_to(job.report):
                return dataclasses.replace(make(), place=place, remarks=tuple(collected))
        finally:
            self._lock.release()

    def _simulate(self, request: Request, choice: SimulationChoice, job: Job) -> Scene:
        from spectremor.simulation.elastic import simulate

        ground, earthquake = request.ground.geology, request.earthquake()
        cost = self._cost(request.ground, choice, request.stations)
        job.begin("simulating")
        start_s = time.monotonic()
        field = simulate(
            ground,
            earthquake,
            grid_spacing_m=choice.grid_spacing_m,
            duration_s=choice.duration_s,
            lowpass_hz=choice.lowpass_hz,
            stations=None if request.stations is None else request.stations.stations,
        )
        # The time of the next simulation is estimated from this one.
        self._cell_steps_per_s = cost.work / max(time.monotonic() - start_s, 1e-3)
        job.begin("measuring")
        return Scene.of(field, "simulated").with_rupture(earthquake)

    def _generate(self, request: Request, earthquake: Source | Rupture, job: Job) -> Scene:
        from spectremor.model.draws import Draws

        job.begin("loading the model")
        model = self._load(request.model)
        job.begin(f"stage 1, {_stage1_name(model)}")
        motion = model.stage1_motion(request.ground.geology, earthquake, _motion_request(request))
        if request.product == "stage1" or model.diffusion is None:
            return Scene.of(motion.field, f"{_stage1_name(model)} alone").with_rupture(earthquake)
        if request.product == "mean":
            job.begin("the mean of all draws")
            scene = Scene.of(_mean(model, request, earthquake), "mean", motion.field)
        else:
            job.begin("stage 2, diffusion")
            draws = Draws(realizations=request.realizations or 1, seed=request.seed or 0, on_progress=job.report)
            scene = Scene.of(model.restored(motion, draws), "generated", motion.field)
        job.begin("measuring")
        return scene.with_rupture(earthquake)

    def _load(self, name: str) -> Any:
        from spectremor.model.build import load_model

        if name not in self._models:
            self._models[name] = load_model(self._folders[name])
        return self._models[name]


def products_of(config: ModelConfig) -> dict[str, Product]:
    """The products that a model can make, by their label on the page."""
    from spectremor.model.pipeline import GroundMotionModel

    stage1: dict[str, Product] = {"Stage 1 alone": "stage1"}
    if config.diffusion is None:
        return stage1
    mean: dict[str, Product] = {"Mean": "mean"} if hasattr(GroundMotionModel, "expect") else {}
    draws: dict[str, Product] = {"Draws": "draws"}
    return draws | mean | stage1


def _motion_request(request: Request) -> MotionRequest:
    """The stations at which a model records, if there are any."""
    return MotionRequest(stations=None if request.stations is None else request.stations.stations)


def _mean(model: Any, request: Request, earthquake: Source | Rupture) -> Any:
    """The waveform of least expected squared error."""
    if not hasattr(model, "expect"):
        raise InputError("product", "mean", "draws, or stage 1 alone: this model makes no mean")
    stations = None if request.stations is None else request.stations.stations
    return model.expect(request.ground.geology, earthquake, stations=stations)


def _stage1_name(model: Any) -> str:
    return str(model.stage1.name)


def _model_folders(own: ModelFolder | None) -> dict[str, ModelFolder]:
    """Models by name: the user's own first, then the default, then the others that ship."""
    names = sorted(shipped_names(), key=lambda name: name != DEFAULT_MODEL)
    folders = {} if own is None else {own.name: own}
    return folders | {name: read_model_folder(name) for name in names if name not in folders}


def _about(name: str, model: ModelConfig) -> str:
    steps = "stage 1 alone"
    if model.diffusion is not None:
        count = model.diffusion.evaluations(None)
        steps = f"{count} sampling step{'s' * (count != 1)}"
    band = "" if model.band_high_hz is None else f", up to {model.band_high_hz:g} Hz"
    return f"{name}: {steps}{band}"
