"""Model folders: where they lie, what is refused before any weight is read, and how they are written.

A folder holds `config.json`, `model.safetensors` and `MODEL_CARD.md`. Names of the weights start with the name of the
part that they belong to (`surrogate.`, `diffusion.`); a simulation has none. Nothing is ever unpickled.

Folders of earlier versions are read as they are: keys that came later have defaults which mean what was done before
there was a choice (a folder without `rise_time_s` was trained on sources of 0.1 s, one without `jumps` knows none, one
without `keep_below_hz` or `noise_correlation` restores the whole band from independent noise).
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pydantic

from spectremor.core.errors import InputError
from spectremor.core.files import atomic_folder
from spectremor.core.model_names import FORMER_NAMES, recorded_digest
from spectremor.core.reading import existing_folder, read_small_file
from spectremor.core.text import printable
from spectremor.core.validation import validated
from spectremor.data.safetensors_files import check_safetensors, content_digest
from spectremor.model.config import FORMAT_VERSION, PARTS, STAGE1_PARTS, ModelConfig, model_config

if TYPE_CHECKING:
    from torch import Tensor

    from spectremor.core.geology import Geology
    from spectremor.core.rupture import Rupture
    from spectremor.core.source import Source
    from spectremor.diffusion.config import DiffusionConfig
    from spectremor.model.region import MotionRequest

#: Models that ship with the package, a folder each.
SHIPPED = Path(__file__).parents[1] / "pretrained"
#: The one that is taken where none is named.
DEFAULT_MODEL = "simulation"

CONFIG, WEIGHTS, CARD = MODEL_FILES = "config.json", "model.safetensors", "MODEL_CARD.md"
_MAX_CONFIG_BYTES = 1 << 20

#: Config and tensors of each part, by name.
Parts = Mapping[str, tuple[pydantic.BaseModel, Mapping[str, "Tensor"]]]


def shipped_names() -> list[str]:
    """Names of the models that ship with the package."""
    return sorted(folder.name for folder in SHIPPED.iterdir() if folder.is_dir())


def find_model(name: str | Path | None = None, *, field: str = "model", also: str = "a model folder") -> Path:
    """Where a model is: a folder, or the name of one that ships with the package; None is the default one.

    Args:
        name: of a folder, or of a model that ships.
        field: that a refusal names.
        also: what is allowed beside the names.

    Raises:
        InputError: a plain name that is neither, or the former name of a model that ships.
    """
    if name is None:
        return SHIPPED / DEFAULT_MODEL
    path = Path(name)
    # A name that is too long, or a folder that may not be entered, is no folder's: it is refused below or on reading.
    with contextlib.suppress(OSError):
        if path.exists():
            return path
    if len(path.parts) != 1:
        return path
    if path.name in FORMER_NAMES:
        raise InputError(field, name, FORMER_NAMES[path.name])
    if path.name not in shipped_names():
        raise InputError(field, name, f"{also}, or one of {', '.join(shipped_names())}")
    return SHIPPED / path


def find_run_model(path: str | Path, field: str, also: str = "a model folder, a run") -> Path:
    """The model folder of a training run, the folder itself, or that of a model that ships.

    Raises:
        InputError: a plain name that is none of them; names `field`, and `also` among what is allowed.
    """
    path = Path(path)
    with contextlib.suppress(OSError):
        if (path / "model").is_dir():
            return path / "model"
    return find_model(path, field=field, also=also)


def short_name(folder: Path) -> str:
    """What a model is called, escaped where it cannot be printed: `runs/ddpm/model` is known as ddpm."""
    folder = folder.resolve()
    return printable(folder.parent.name if folder.name == "model" else folder.name, 80)


@dataclasses.dataclass(frozen=True)
class ModelFolder:
    """A model folder whose files can be what they say, its weights not read yet.

    Attributes:
        path: of the folder.
        config: what `config.json` says.
    """

    path: Path
    config: ModelConfig

    @property
    def name(self) -> str:
        """Of the folder."""
        return self.path.name

    def require(self, *, stage1: bool = True, diffusion: bool = False) -> None:
        """Refuse a folder without a stage that is needed.

        Raises:
            InputError: names the folder and the stage.
        """
        if stage1 and self.config.stage1 is None:
            raise InputError("model", self.path, f"a model folder with a stage 1 ({' or '.join(STAGE1_PARTS)})")
        if diffusion and self.config.diffusion is None:
            raise InputError("model", self.path, "a model folder with a diffusion stage")

    def check_event(self, geology: Geology, source: Source, *, stage1_only: bool = False) -> None:
        """Refuse at once, without reading any weights, an event that is not like those that the model learned.

        Args:
            geology: the ground.
            source: of any moment and rise time.
            stage1_only: the model needs no diffusion stage.

        Raises:
            InputError: a model without a stage that is needed; else as `ModelConfig.check_event`.
        """
        self.require(diffusion=not stage1_only)
        self.config.check_event(geology, source)

    def check_run(
        self, geology: Geology, earthquake: Source | Rupture, request: MotionRequest, *, stage1_only: bool = False
    ) -> None:
        """Refuse at once, without reading any weights, what the model cannot take.

        Args:
            geology: the ground.
            earthquake: a point or a rupture.
            request: where, how long, to which frequency.
            stage1_only: the model needs no diffusion stage.

        Raises:
            InputError: a model without a stage that is needed; else as `ModelConfig.check_run`.
        """
        self.require(diffusion=not stage1_only)
        self.config.check_run(geology, earthquake, request)

    def check_ground(self, geology: Geology) -> None:
        """Refuse at once, without reading any weights, ground in which the model takes no earthquake at all.

        Raises:
            InputError: a model without a stage 1; else as `ModelConfig.check_ground`.
        """
        self.require()
        self.config.check_ground(geology)

    def check_ground_of(self, path: str | Path, geology: Geology) -> None:
        """Refuse a file that does not say how large its ground is, of other nodes than those that the model learned.

        Such ground would be stretched over the published domain without a word.

        Args:
            path: of the file.
            geology: that was read from it.

        Raises:
            InputError: a model without a stage 1, or another number of nodes.
        """
        from spectremor.data.geology_files import says_extent

        if not says_extent(path):
            self.require()
            self.config.trained_range.check_shape(geology.shape)

    def digest(self) -> str:
        """Twelve hexadecimal digits of its weights, to the byte, and of the configs of its parts.

        A model that is read and written again keeps them, also where this version spells its config in another way:
        settings that say what is done anyway, former switches and the record of the training play no part.
        """
        digest = hashlib.sha256(content_digest(self.path / WEIGHTS))
        digest.update(self.config.parts_to_json().encode())
        return recorded_digest(digest.hexdigest()[:12])

    def tensors(self) -> dict[str, dict[str, Tensor]]:
        """For each part, its tensors, without the part's name in front of theirs.

        Raises:
            InputError: weights that cannot be read.
        """
        from spectremor.data.tensors import read_safetensors

        tensors: dict[str, dict[str, Tensor]] = {name: {} for name in self.config.parts}
        for key, tensor in read_safetensors(self.path / WEIGHTS).items():
            name, _, rest = key.partition(".")
            tensors[name][rest] = tensor
        return tensors

    @contextlib.contextmanager
    def errors_name_folder(self) -> Iterator[None]:
        """While something is made of what the folder holds: what is wrong with it is told together with the folder.

        Raises:
            InputError: `model`, with the folder and what is wrong in it.
        """
        try:
            yield
        except InputError as error:
            raise InputError("model", f"{self.path} ({error.field}: {error.value})", error.allowed) from None


def read_model_folder(name: str | Path | None = None) -> ModelFolder:
    """A model folder, checked as far as it can be without reading its weights.

    Args:
        name: see `find_model`.

    Raises:
        InputError: a missing, truncated or foreign file, an unknown format version, a config that is no good or whose
            parts do not belong together, or tensors of no part.
    """
    path = existing_folder(find_model(name), field="model", allowed=f"a folder with {CONFIG} and {WEIGHTS}")
    values = _read_json(path / CONFIG)
    try:
        config = validated(ModelConfig, values)
    except InputError as error:
        raise InputError("model", f"{path} ({error.field}: {error.value})", error.allowed) from None
    for key in check_safetensors(path / WEIGHTS):
        part, _, rest = key.partition(".")
        if part not in config.parts or not rest:
            found = f"{path / WEIGHTS} (tensor {key[:80]})"
            raise InputError("model", found, f"names that start with one of {list(config.parts)}")
    return ModelFolder(path, config)


def write_model_folder(path: str | Path, *, parts: Parts, about: Mapping[str, Any], card: str) -> None:
    """Write a model folder, whole or not at all.

    Args:
        path: of the folder; replaced if it is there.
        parts: for each of "surrogate" or "simulation", and "diffusion" (any may be absent), its config and its
            tensors.
        about: what else `config.json` tells: `spectremor_version` and `training`.
        card: text of MODEL_CARD.md.

    Raises:
        InputError: parts that do not belong together.
    """
    from safetensors.torch import save

    if set(parts) - set(PARTS) or not parts:
        raise ValueError(f"parts must be among {PARTS}, not {sorted(parts)}")
    config = model_config(about, {name: part[0] for name, part in parts.items()})
    tensors = {
        f"{name}.{key}": tensor.contiguous() for name, (_, named) in parts.items() for key, tensor in named.items()
    }
    with atomic_folder(path) as aside:
        (aside / CONFIG).write_text(config.to_json(), encoding="utf-8")
        # Not `save_file`: it makes files that only their owner can read.
        (aside / WEIGHTS).write_bytes(save(tensors, metadata={"format": "pt"}))
        (aside / CARD).write_text(card, encoding="utf-8")


def write_with_diffusion(
    folder: ModelFolder, config: DiffusionConfig, out: str | Path, *, training: Mapping[str, Any] | None = None
) -> None:
    """Write a model once more, with another config of the same second stage; weights and card stay.

    Args:
        folder: of the model.
        config: of its second stage.
        out: the new folder; replaced if it is there.
        training: what is told of the training besides what the model tells.
    """
    configs = folder.config.parts | {"diffusion": config}
    parts = {name: (configs[name], tensors) for name, tensors in folder.tensors().items()}
    told = {**(folder.config.training or {}), **(training or {})}
    about = {"spectremor_version": folder.config.spectremor_version, "training": told}
    write_model_folder(out, parts=parts, about=about, card=(folder.path / CARD).read_text(encoding="utf-8"))


def _read_json(path: Path) -> dict[str, Any]:
    """The contents of a config.json of a known format version."""
    allowed = f"a JSON object with format_version {FORMAT_VERSION}"
    content = read_small_file(path, field="model", allowed=allowed, most_bytes=_MAX_CONFIG_BYTES)
    try:
        values = json.loads(content)
    except (ValueError, RecursionError, OSError):
        raise InputError("model", f"{path} (not JSON)", allowed) from None
    if not isinstance(values, dict) or values.get("format_version") != FORMAT_VERSION:
        found = f"format_version {values.get('format_version')}" if isinstance(values, dict) else "no JSON object"
        raise InputError("model", f"{path} ({found})", allowed)
    return values
