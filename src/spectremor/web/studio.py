"""What makes wavefields for the page: models, loaded once, used by one visitor at a time."""

from __future__ import annotations

import dataclasses
import threading
import weakref
from typing import Any, Literal

from spectremor.core.errors import InputError
from spectremor.core.source import Source
from spectremor.model.config import ModelConfig
from spectremor.model.folder import DEFAULT_MODEL, SHIPPED, ModelFolder, read_model_folder, shipped_names
from spectremor.web.ground import Ground, example_ground
from spectremor.web.jobs import Job
from spectremor.web.scene import Scene

#: What to make: draws, the mean of all that could be, or the first stage alone.
Product = Literal["draws", "mean", "stage1"]
#: Pages open at once; each holds a wavefield.
MAX_PAGES = 32
#: The most that one visitor may ask for at once: each is a few MB in the browser.
MAX_REALIZATIONS = 20


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
    """What a visitor asks for, checked where it is carried out.

    Attributes:
        ground: where.
        source: the earthquake. A rupture takes its place when models take ruptures.
        angles_deg: strike, dip and rake of the source as they were typed.
        model: name of a model in the studio.
        product: draws, mean, or the first stage alone.
        realizations: number of draws; None where the field was left empty.
        seed: of the draws; likewise.
    """

    ground: Ground
    source: Source
    angles_deg: tuple[float, float, float]
    model: str
    product: Product = "draws"
    realizations: int | None = 1
    seed: int | None = 0


class Studio:
    """Models and grounds, shared by all visitors.

    Args:
        model: the first choice, beside those that ship; None: the default one. Weights are read on first use.
        ground: a geology beside the example, and the first choice; None: the example.

    Raises:
        InputError: a model folder that is no good.
    """

    def __init__(self, model: ModelFolder | None = None, ground: Ground | None = None) -> None:
        self.grounds = [*([] if ground is None else [ground]), example_ground()]
        self._folders = _model_folders(model)
        self._models: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._jobs: weakref.WeakSet[Job] = weakref.WeakSet()

    @property
    def models(self) -> list[str]:
        """Names of the models, the first choice first."""
        return list(self._folders)

    def about(self, model: str) -> str:
        """A model in one line."""
        return _about(model, self.config(model))

    def config(self, model: str) -> ModelConfig:
        """What a model's config says."""
        return self._folders[model].config

    def command_folder(self, model: str) -> str:
        """A model as a person would type it."""
        folder = self._folders[model].path
        return model if folder.parent == SHIPPED else str(folder)

    def cancel_all(self) -> None:
        """Stop whatever is being computed, for whomever: the server ends."""
        for job in list(self._jobs):
            job.cancel()

    def generate(self, request: Request, job: Job) -> Scene:
        """Carry a request out.

        Raises:
            InputError: what the model refuses.
            JobCancelledError: not wanted any more.
        """
        from spectremor.model.pipeline import check_job

        self._jobs.add(job)
        drawn = request.product == "draws"
        check_job(request.realizations if drawn else 1, request.seed if drawn else 0, None)
        if drawn and (request.realizations or 0) > MAX_REALIZATIONS:
            raise InputError("realizations", request.realizations, f"1 to {MAX_REALIZATIONS} on this page")
        alone = request.product == "stage1"
        self._folders[request.model].check_event(request.ground.geology, request.source, stage1_only=alone)
        job.begin("waiting for another job to end")
        while not self._lock.acquire(timeout=0.1):
            job.report(0.0)
        try:
            return self._generate(request, job)
        finally:
            self._lock.release()

    def _generate(self, request: Request, job: Job) -> Scene:
        job.begin("loading the model")
        model = self._load(request.model)
        geology, source = request.ground.geology, request.source
        stage1_name = _stage1_name(model)
        job.begin(f"stage 1, {stage1_name}")
        stage1 = model.predict(geology, source)
        if request.product == "stage1" or model.diffusion is None:
            return Scene.of(stage1, f"{stage1_name} alone")
        if request.product == "mean":
            job.begin("the mean of all draws")
            scene = Scene.of(_mean(model, geology, source), "mean", stage1)
        else:
            job.begin("stage 2, diffusion")
            field = model.restore(
                stage1,
                realizations=request.realizations,
                seed=request.seed,
                geology=geology,
                on_progress=job.report,
            )
            scene = Scene.of(field, "generated", stage1)
        job.begin("measuring")
        return scene

    def _load(self, name: str) -> Any:
        from spectremor.model.build import load_model

        if name not in self._models:
            self._models[name] = load_model(self._folders[name])
        return self._models[name]


def products_of(config: ModelConfig) -> dict[str, Product]:
    """What a model can make, by what the page calls it."""
    from spectremor.model.pipeline import GroundMotionModel

    stage1: dict[str, Product] = {"Stage 1 alone": "stage1"}
    if config.diffusion is None:
        return stage1
    mean: dict[str, Product] = {"Mean": "mean"} if hasattr(GroundMotionModel, "expect") else {}
    draws: dict[str, Product] = {"Draws": "draws"}
    return draws | mean | stage1


def _mean(model: Any, geology: Any, source: Source) -> Any:
    """The waveform of least expected squared error."""
    if not hasattr(model, "expect"):
        raise InputError("product", "mean", "draws, or stage 1 alone: this model makes no mean")
    return model.expect(geology, source)


def _stage1_name(model: Any) -> str:
    return str(model.stage1.name)


def _model_folders(own: ModelFolder | None) -> dict[str, ModelFolder]:
    """Models by name: a person's own first, then the default, then the others that ship."""
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
