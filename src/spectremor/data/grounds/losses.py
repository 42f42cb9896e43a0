"""What the resampling of a model to another grid loses: in numbers, as warnings and as attributes of the geology."""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any

from spectremor.core.errors import InputWarning

#: Relative increase of the lowest Vs above which a warning is given.
_SLOWER = 0.02


@dataclasses.dataclass(frozen=True, kw_only=True)
class Losses:
    """How a geology differs from the model within the domain from which it was resampled.

    Attributes:
        mapping: how values at nodes follow from those of the model, in words.
        slowest_in_model_m_s: the lowest Vs of the model within the domain; None where it has no node there.
        slowest_m_s: the lowest Vs of the geology.
        layers: number of layers of the model within the domain; None for a gridded model.
        thin_layers: number of layers that are thinner than the spacing.
        above_share: share of the nodes that lie above the model's first depth.
        filled_share: share of the nodes where the model has no value, which take one from above or below.
        below_share: share of the nodes that lie below the depth down to which the model describes the ground.
        model_spacing_m: distances between the model's nodes along x, y and depth, in m; None for layers.
    """

    mapping: str
    slowest_in_model_m_s: float | None
    slowest_m_s: float
    layers: int | None = None
    thin_layers: int = 0
    above_share: float = 0.0
    filled_share: float = 0.0
    below_share: float = 0.0
    model_spacing_m: tuple[float, float, float] | None = None

    def attrs(self) -> dict[str, Any]:
        """The losses as attributes of a geology."""
        named = {
            "resampling": self.mapping,
            "model_slowest_vs_m_s": self.slowest_in_model_m_s,
            "slowest_vs_m_s": self.slowest_m_s,
            "model_layers": self.layers,
            "model_thin_layers": None if self.layers is None else self.thin_layers,
            "extrapolated_above_share": self.above_share,
            "filled_share": self.filled_share,
            "extrapolated_below_share": self.below_share,
            "model_spacing_m": None if self.model_spacing_m is None else list(self.model_spacing_m),
        }
        return {name: value for name, value in named.items() if value is not None}

    def warn(self, name: str, spacing_m: float) -> None:
        """Give one warning for each loss."""
        for line in self._lines(spacing_m):
            warnings.warn(f"geology: {line} ({name})", InputWarning, stacklevel=4)

    def _lines(self, spacing_m: float) -> list[str]:
        lines = []
        if self.thin_layers:
            lines.append(
                f"{self.thin_layers} of {self.layers} layers are thinner than the spacing of {spacing_m:g} m and are "
                "averaged with their neighbours"
            )
        slowest = self.slowest_in_model_m_s
        if slowest is not None and self.slowest_m_s > slowest * (1 + _SLOWER):
            lines.append(
                f"the slowest ground is lost: Vs is {slowest:.4g} m/s or more in the model, and "
                f"{self.slowest_m_s:.4g} m/s or more at nodes {spacing_m:g} m apart"
            )
        if self.above_share:
            share = _percent(self.above_share)
            lines.append(f"{share} of the nodes lie above the model's first depth and take its values")
        if self.filled_share:
            lines.append(
                f"{_percent(self.filled_share)} of the nodes, where the model has no value, take the nearest one above "
                "or below"
            )
        if self.below_share:
            share = _percent(self.below_share)
            lines.append(f"{share} of the nodes lie below the model's last layer and take its values")
        return lines


def _percent(share: float) -> str:
    return f"{100 * share:.2g}%"
