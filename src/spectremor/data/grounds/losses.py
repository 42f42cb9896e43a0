"""What is lost when a model is brought onto another grid: in numbers, as warnings and as attributes of the geology."""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any

from spectremor.core.errors import InputWarning

#: Part by which the slowest ground may differ before it is said.
_SLOWER = 0.02


@dataclasses.dataclass(frozen=True, kw_only=True)
class Losses:
    """What a model had within the domain that the geology does not have, and the other way round.

    Attributes:
        mapping: how values at nodes follow from the model's, in words.
        slowest_in_model_m_s: the lowest Vs of the model within the domain; None where it has no node there.
        slowest_m_s: the lowest Vs of the geology.
        layers: layers of the model within the domain; None of a gridded model.
        thin_layers: those thinner than the spacing.
        above_share: share of the nodes that lie above the model's first depth.
        filled_share: share of the nodes that take a value from above or below, the model having none.
        below_share: share of the nodes that lie below what the model describes.
        model_spacing_m: distances between the model's nodes along x, y and depth, in m; None of layers.
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
        """As attributes of a geology."""
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
        """One line for each loss."""
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
