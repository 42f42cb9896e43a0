"""Model folders: which there are, and what their configs say and refuse before any weight is read."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import xarray as xr

import spectremor
from spectremor.core.domain import Domain
from spectremor.core.errors import InputError
from spectremor.core.source import Source

#: Models that ship with the package, a folder each.
SHIPPED = Path(spectremor.__file__).parent / "pretrained"
DEFAULT_MODEL = SHIPPED / "default"


def model_folder(name: str | Path | None = None, *, field: str = "model", also: str = "a model folder") -> Path:
    """Where a model is: a folder, or the name of one that ships with the package; None is the default one.

    Args:
        name: of a folder, or of a model that ships.
        field: that a refusal names.
        also: what is allowed beside the names.

    Raises:
        InputError: a plain name that is neither.
    """
    if name is None:
        return DEFAULT_MODEL
    path = Path(name)
    if path.exists() or len(path.parts) != 1:
        return path
    names = sorted(folder.name for folder in SHIPPED.iterdir() if folder.is_dir())
    if path.name not in names:
        raise InputError(field, name, f"{also}, or one of {', '.join(names)}")
    return SHIPPED / path


def check_event(
    geology: xr.DataArray, source: Source, folder: str | Path | None = None, *, stage1_only: bool = False
) -> None:
    """Refuse at once, without loading any weights, what the model in a folder cannot take.

    Args:
        geology: checked.
        source: of any moment.
        folder: of the model; see `model_folder`.
        stage1_only: the model needs no diffusion stage.

    Raises:
        InputError: a model folder with a missing, truncated or foreign file, without the part that is needed, or a
            geology or source outside its domain, ground too slow for its grid, or another rise time where there is
            more than a simulation.
    """
    config, folder = _config_of(folder)
    if not stage1_only and "diffusion" not in config:
        raise InputError("model", folder, "a model folder with a diffusion stage")
    simulation_alone = stage1_only and "surrogate" not in config
    for domain in domains_of(config, folder):
        domain.check_event(geology, source, any_rise_time=simulation_alone)
    _check_speed(config, folder, geology)


def check_ground(geology: xr.DataArray, folder: str | Path | None = None) -> None:
    """Refuse at once, without loading any weights, a geology that the model in a folder cannot take.

    Args:
        geology: checked.
        folder: of the model; see `model_folder`.

    Raises:
        InputError: as `check_event`, but for the source and a diffusion stage.
    """
    config, folder = _config_of(folder)
    for domain in domains_of(config, folder):
        domain.check_geology(geology)
    _check_speed(config, folder, geology)


@dataclasses.dataclass(frozen=True)
class ModelOutline:
    """What a model's config says, before any weight is read.

    Attributes:
        name: of its folder.
        steps: sampling steps when the caller does not say; None without a diffusion stage.
        band_high_hz: highest usable frequency; None where the geology decides it: a simulation alone.
    """

    name: str
    steps: int | None
    band_high_hz: float | None


def outline_model(folder: str | Path | None = None) -> ModelOutline:
    """What the model in a folder is, in a few words.

    Args:
        folder: see `model_folder`.

    Raises:
        InputError: a missing, truncated or foreign file, or a config that is no good.
    """
    from spectremor.data.model_files import part_of
    from spectremor.diffusion import config as diffusion
    from spectremor.simulation import stage1 as simulated
    from spectremor.surrogate import config as neural

    config, folder = _config_of(folder)
    steps = band_high_hz = None
    if "diffusion" in config:
        with part_of(folder, "diffusion"):
            steps = diffusion.check_config(config["diffusion"]).evaluations(None)
    if "surrogate" in config:
        with part_of(folder, "surrogate"):
            band_high_hz = neural.check_config(config["surrogate"]).lowpass_hz
    elif steps is not None:
        with part_of(folder, "simulation"):
            band_high_hz = simulated.check_config(config["simulation"]).lowpass_hz
    return ModelOutline(folder.name, steps, band_high_hz)


def _config_of(name: str | Path | None) -> tuple[dict[str, Any], Path]:
    """The config of a model with a stage 1, and its folder."""
    from spectremor.data.model_files import check_model_folder

    folder = model_folder(name)
    config = check_model_folder(folder)
    check_stage1(config, folder)
    return config, folder


def _check_speed(config: dict[str, Any], folder: Path, geology: xr.DataArray) -> None:
    """Refuse ground too slow for the grid of the model's simulation, where it makes one."""
    from spectremor.data.model_files import part_of
    from spectremor.simulation.stage1 import check_config

    if "simulation" in config:
        with part_of(folder, "simulation"):
            simulated = check_config(config["simulation"])
        simulated.check_speed(geology)


def short_name(folder: Path) -> str:
    """`runs/ddpm/model` is known as ddpm."""
    folder = folder.resolve()
    return folder.parent.name if folder.name == "model" else folder.name


def domains_of(config: dict[str, Any], folder: Path) -> list[Domain]:
    """Domains of the simulation and of the network on top of it: those that are there, in this order."""
    from spectremor.data.model_files import part_of
    from spectremor.simulation import stage1 as simulated
    from spectremor.surrogate import config as neural

    domains: list[Domain] = []
    for part, check in (("simulation", simulated.check_config), ("surrogate", neural.check_config)):
        if part in config:
            with part_of(folder, part):
                domains.append(check(config[part]).domain)
    return domains


def check_stage1(config: dict[str, Any], folder: Path) -> None:
    """Refuse a folder without a stage 1, or with a network and a simulation that do not belong together."""
    from spectremor.data.model_files import STAGE1_PARTS, part_of
    from spectremor.surrogate.config import check_config

    if not any(part in config for part in STAGE1_PARTS):
        raise InputError("model", folder, f"a model folder with a stage 1 ({' or '.join(STAGE1_PARTS)})")
    if "surrogate" not in config:
        return
    with part_of(folder, "surrogate"):
        wanted = check_config(config["surrogate"]).simulation_m
    found = config["simulation"].get("grid_spacing_m") if "simulation" in config else None
    if wanted != found:
        has, needs = ("none" if m is None else f"one at {m} m" for m in (found, wanted))
        raise InputError("model", f"{folder} (simulation: {has})", f"{needs}, which its network corrects")


def check_stage2(config: dict[str, Any], folder: Path) -> None:
    """Refuse a diffusion stage whose config is no good, or whose traces are not those that stage 1 gives."""
    from spectremor.data.model_files import part_of
    from spectremor.diffusion.config import check_config

    if "diffusion" not in config:
        return
    domain = domains_of(config, folder)[-1]
    with part_of(folder, "diffusion"):
        check_config(config["diffusion"]).latent.check_traces(domain.samples, domain.sampling_hz)
