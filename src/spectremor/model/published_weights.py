"""A model folder from the authors' published checkpoint of MIFNO."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import torch

from spectremor.core.errors import InputError
from spectremor.core.files import check_result_folder
from spectremor.core.text import printable
from spectremor.core.version import VERSION
from spectremor.data.normalisation import GeologyNormalisation
from spectremor.data.published import open_npy
from spectremor.data.torch_checkpoint import read_torch_checkpoint
from spectremor.model.folder import MODEL_FILES, write_model_folder
from spectremor.surrogate import published
from spectremor.surrogate.config import PublishedConfig, PublishedStageConfig
from spectremor.surrogate.mifno import MifnoSurrogate
from spectremor.surrogate.published_stage import PublishedStage

_LAYER = re.compile(r"spectral_layers\.(\d+)\.")
#: Nodes of the geologies that the published networks take.
_NODES = (32, 32, 32)
#: Highest of the means and of the standard deviations: of any ground that the networks were trained on, in m/s.
_MEANS_M_S, _SPREADS_M_S = (500.0, 10_000.0), (10.0, 5000.0)
_CARD = """The published MIFNO (arXiv 2404.10115), from the authors' checkpoint `{name}`.

Its weights are under their authors' licence. It predicts by itself, without a second stage.
"""


def import_published(checkpoint: str | Path, mean: str | Path, std: str | Path, out: str | Path) -> None:
    """Write a model folder with the authors' weights, which nothing unpickles.

    Args:
        checkpoint: what `torch.save` wrote of a published MIFNO of 8 or 16 layers, width 16.
        mean: `.npy` of the mean Vs in m/s that it was trained with: a number, or (32, 32, 32) with z upward.
        std: likewise of the standard deviation.
        out: the folder; `load_model` reads it.

    Raises:
        InputError: a file that is not what it should be, tensors of another network, speeds that are not in m/s, or a
            folder that holds anything else than an earlier model.
    """
    out = check_result_folder(out, MODEL_FILES, "a model folder")
    normalisation = GeologyNormalisation(_nodes(mean, "mean", _MEANS_M_S), _nodes(std, "std", _SPREADS_M_S))
    tensors = {name: torch.from_numpy(values).float() for name, values in read_torch_checkpoint(checkpoint).items()}
    layers = 1 + max((int(found[1]) for name in tensors if (found := _LAYER.match(name))), default=-1)
    if layers not in (8, 16):
        raise InputError("checkpoint", f"{checkpoint}: {layers} Fourier layers", "8 or 16, as published")
    config = PublishedStageConfig(sizes=PublishedConfig.paper(layers), swapped_axes=True)
    network = PublishedStage(config, published.load(tensors, config.sizes)).eval()
    parts = {"surrogate": MifnoSurrogate(network, normalisation).parts()}
    card = _CARD.format(name=printable(Path(checkpoint).name, 120))
    write_model_folder(out, parts=parts, about={"spectremor_version": VERSION}, card=card)


def _nodes(path: str | Path, field: str, bounds_m_s: tuple[float, float]) -> np.ndarray:
    """Speeds at the nodes; those in km/s, or of normalised ground, lie below the bounds."""
    values = open_npy(path, field=field)
    if values.shape not in ((), (1,), _NODES):
        raise InputError(field, f"{path}: shape {values.shape}", f"speeds in m/s: one, or of shape {_NODES}")
    lowest, highest = float(values.min()), float(values.max())
    least, most = bounds_m_s
    # Not a number compares as false.
    if not (lowest >= 0 and least <= highest <= most):
        found = f"{path}: {lowest:g} to {highest:g}"
        raise InputError(field, found, f"speeds in m/s, 0 or more, the highest from {least:g} to {most:g}")
    return np.broadcast_to(values.astype(np.float64), _NODES).copy()
