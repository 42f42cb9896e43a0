"""The published MIFNO, exactly, and the authors' checkpoint as a torch module.

The function is that of Lehmann et al. (2024), arXiv 2404.10115; it was written from its description and checked
against fixed values of the published network. Inputs and outputs are normalised, as in the published training.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from spectremor.core.errors import InputError
from spectremor.core.validation import validated
from spectremor.surrogate.config import PublishedConfig
from spectremor.surrogate.fourier_layer import FourierLayer
from spectremor.surrogate.source_branch import SourceBranch


class PublishedMifno(nn.Module):
    """The published network on channels-last volumes."""

    def __init__(self, config: PublishedConfig) -> None:
        super().__init__()
        self.config = config
        width, branch = config.width, config.branching_index
        modes = tuple(zip(config.list_M1, config.list_M2, config.list_M3, strict=True))
        self.lift = nn.Linear(config.input_dim, width)
        self.source = SourceBranch(config.source_dim, config.list_M1[0], width)
        last = config.n_layers - 1
        self.layers = nn.ModuleList(
            FourierLayer(width if i < branch else 3 * width, m, law="lowpass", skip=i != last)
            for i, m in enumerate(modes)
        )
        self.heads = nn.ModuleDict({c: nn.Linear(3 * width, config.output_dim) for c in "ENZ"})

    def forward(
        self, geology: Float[Tensor, "b x y z 1"], source: Float[Tensor, "b 1 numbers"]
    ) -> tuple[Float[Tensor, "b x y t 1"], Float[Tensor, "b x y t 1"], Float[Tensor, "b x y t 1"]]:
        """Normalised geology and source to the three normalised components."""
        c = self.config
        x = self.lift(_with_coordinates(geology))
        for i in range(c.branching_index):
            x = self.layers[i](x, c.list_D3[i])
        s = self.source(source[:, 0], (x.shape[1], x.shape[2], x.shape[3]))
        x = torch.cat([x + s, x - s, x * s], dim=-1)
        for i in range(c.branching_index, c.n_layers - 1):
            x = self.layers[i](x, c.list_D3[i])
        weight = torch.cat([self.heads[k].get_parameter("weight") for k in "ENZ"])
        bias = torch.cat([self.heads[k].get_parameter("bias") for k in "ENZ"])
        last = cast(FourierLayer, self.layers[-1])
        e, n, z = last.read_out(x, c.list_D3[-1], weight, bias).split(1, dim=-1)
        return e, n, z


def load(state_dict: Mapping[str, Tensor], config: Mapping[str, Any] | PublishedConfig) -> PublishedMifno:
    """Build the published network from the authors' tensors.

    Args:
        state_dict: the tensors under the authors' names (weight-normalised linears as `weight_g`, `weight_v`).
        config: the sizes, see `PublishedConfig`.

    Returns:
        A module that takes a normalised geology (b, x, y, z, 1) and source (b, 1, 9) and returns the normalised
        uE, uN, uZ, each (b, x, y, t, 1).

    Raises:
        InputError: a config that is not one of this network's, or tensors that do not fit it.
    """
    if not isinstance(config, PublishedConfig):
        config = validated(PublishedConfig, config, "config")
    model = PublishedMifno(config)
    mapped = _own_state(state_dict, config)
    for name, own in model.state_dict().items():
        if mapped[name].shape != own.shape:
            raise InputError(f"state_dict ({name})", f"shape {tuple(mapped[name].shape)}", f"shape {tuple(own.shape)}")
    model.load_state_dict(mapped)
    return model.eval()


def _with_coordinates(geology: Tensor) -> Tensor:
    """Append the three coordinates of each point, each from 0 to 1."""
    axes = [torch.linspace(0, 1, n, dtype=geology.dtype, device=geology.device) for n in geology.shape[1:4]]
    grid = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)
    return torch.cat([geology, grid.expand(geology.shape[0], -1, -1, -1, -1)], dim=-1)


class _Tensors:
    """The authors' tensors by name, remembering which were used."""

    def __init__(self, state_dict: Mapping[str, Tensor]) -> None:
        self.all = state_dict
        self.used: set[str] = set()

    def __call__(self, name: str) -> Tensor:
        tensor = self.all.get(name)
        if tensor is None:
            raise InputError("state_dict", f"no tensor {name}", "all tensors of the published MIFNO of this config")
        if not (isinstance(tensor, Tensor) and tensor.is_floating_point() and torch.isfinite(tensor).all()):
            raise InputError(f"state_dict ({name})", "not a finite floating-point tensor", "finite float tensors")
        self.used.add(name)
        return tensor

    def normed(self, name: str) -> tuple[Tensor, Tensor]:
        """Weight and bias of a weight-normalised linear."""
        v, g = self(f"{name}.weight_v"), self(f"{name}.weight_g")
        if v.ndim != 2 or g.shape != (v.shape[0], 1):
            raise InputError(
                f"state_dict ({name}.weight_g)", f"shape {tuple(g.shape)}", "one norm for each row of weight_v"
            )
        return g * v / v.norm(dim=1, keepdim=True), self(f"{name}.bias")


def _own_state(state_dict: Mapping[str, Tensor], config: PublishedConfig) -> dict[str, Tensor]:
    """The authors' tensors as this module's parameters; weight norms are folded, each head collapsed into one."""
    take = _Tensors(state_dict)
    own: dict[str, Tensor] = {}
    own["lift.weight"], own["lift.bias"] = take.normed("P")
    for i in range(config.n_layers):
        own |= _own_layer(take, i)
    # The last layer's skip is in the checkpoint although the heads never read it.
    for name in [k for k in own if k.startswith(f"layers.{config.n_layers - 1}.skip.")]:
        del own[name]
    for name, theirs in (("mlp", "MLP1"), ("plane", "Conv2"), ("volume", "Conv3")):
        for j in (0, 2):
            for part in ("weight", "bias"):
                own[f"source.{name}.{j}.{part}"] = take(f"{theirs}.{j}.{part}")
    own["source.mix.weight"] = take("modif_dim_source.conv.weight").flatten(1)
    own["source.mix.bias"] = take("modif_dim_source.conv.bias")
    for c in "ENZ":
        (w1, b1), (w2, b2) = take.normed(f"Q{c}.0"), take.normed(f"Q{c}.1")
        if w2.shape[1] != w1.shape[0]:
            raise InputError(f"state_dict (Q{c}.1)", f"shape {tuple(w2.shape)}", f"(1, {w1.shape[0]})")
        own[f"heads.{c}.weight"], own[f"heads.{c}.bias"] = w2 @ w1, w2 @ b1 + b2
    foreign = sorted(set(state_dict) - take.used)
    if foreign:
        raise InputError("state_dict", f"{len(foreign)} foreign tensors ({foreign[0]})", "the published MIFNO's alone")
    return own


def _own_layer(take: _Tensors, i: int) -> dict[str, Tensor]:
    own: dict[str, Tensor] = {}
    for a in range(3):
        name = f"spectral_layers.{i}.fourier_weight.{a}"
        weight = take(name)
        if weight.ndim != 4:
            raise InputError(f"state_dict ({name})", f"shape {tuple(weight.shape)}", "(in, out, modes, 2)")
        own[f"layers.{i}.convolution.weights.{a}"] = weight.permute(2, 3, 0, 1).contiguous()
    for j in (0, 1):
        weight, bias = take.normed(f"spectral_layers.{i}.backcast_ff.layers.{j}.0")
        own[f"layers.{i}.feed_forward.weight{j + 1}"] = weight.T.contiguous()
        own[f"layers.{i}.feed_forward.bias{j + 1}"] = bias
    own[f"layers.{i}.skip.weight"] = take(f"modif_layers.{i}.conv.weight").flatten(1)
    own[f"layers.{i}.skip.bias"] = take(f"modif_layers.{i}.conv.bias")
    return own
