"""Random layered geologies: the recipe of the HEMEW-3D database (Lehmann et al. 2024, doi:10.5194/essd-16-3949-2024).

The recipe's 300 m cells map to the 32 nodes that the database releases: node k, at k * 9600 / 31 m, lies in cell k and
takes its value (the last node lies on the last cell's upper edge). The one exception is that of the released arrays:
the first node above the constant bottom has the mean of bottom and layer (their mean profile steps 4500, 3481,
2485 m/s).
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
import scipy.fft
import scipy.special
from jaxtyping import Float
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveFloat, field_validator
from pydantic_core import PydanticCustomError

from spectremor.campaign.ranges import Speed, SpeedRange, ordered
from spectremor.core.axes import HEMEW_NODES
from spectremor.core.geology import Geology, make_geology
from spectremor.core.seeds import generator

#: Correlation lengths by which the FFT's period exceeds the block: at this distance the correlation is below 0.01.
_PADDING_LENGTHS = 3.0

Cells = Annotated[int, Field(ge=2)]
Layers = Annotated[int, Field(ge=1)]


class GeologyRecipe(BaseModel):
    """The recipe of a random geology; the defaults are HEMEW-3D's. A range has its lower end first.

    Attributes:
        cells: number of cells (and of released nodes) along x, y, z.
        cell_m: size of a cell in m.
        bottom_cells: number of cells at the bottom with `bottom_vs_m_s`; fewer than all cells along z.
        bottom_vs_m_s: Vs of the constant bottom.
        layers: smallest and largest number of layers above the bottom.
        mean_vs_m_s: range of the uniform distribution of a layer's mean Vs.
        variation: mean and standard deviation of the normal law whose absolute value is a layer's coefficient of
            variation.
        correlation_lengths_m: lengths from which one is drawn for each axis of each layer.
        hurst: exponent of the von Karman covariance.
        vs_range_m_s: range to which Vs is clipped (the database's lower end is 7500/7 m/s).
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    cells: tuple[Cells, Cells, Cells] = (HEMEW_NODES, HEMEW_NODES, HEMEW_NODES)
    cell_m: PositiveFloat = 300.0
    bottom_cells: Annotated[int, Field(ge=0, validate_default=True)] = 6
    bottom_vs_m_s: Speed = 4500.0
    layers: Annotated[tuple[Layers, Layers], AfterValidator(ordered)] = (1, 6)
    mean_vs_m_s: SpeedRange = (1785.0, 3214.0)
    variation: tuple[NonNegativeFloat, NonNegativeFloat] = (0.2, 0.1)
    correlation_lengths_m: Annotated[tuple[PositiveFloat, ...], Field(min_length=1)] = (1500.0, 3000.0, 4500.0, 6000.0)
    hurst: PositiveFloat = 0.1
    vs_range_m_s: SpeedRange = (7500.0 / 7.0, 4500.0)

    @field_validator("bottom_cells")
    @classmethod
    def _leaves_room_for_layers(cls, bottom_cells: int, info: Any) -> int:
        # Invalid cells are absent from `info.data`, and pydantic reports them itself.
        cells = info.data.get("cells")
        if cells is not None and bottom_cells >= cells[2]:
            raise PydanticCustomError("bottom_cells", "fewer than the {cells} cells along z", {"cells": cells[2]})
        return bottom_cells

    @property
    def extent_m(self) -> tuple[float, float, float]:
        """Size of the domain along x, y and depth, in m."""
        nx, ny, nz = self.cells
        return nx * self.cell_m, ny * self.cell_m, nz * self.cell_m


HEMEW_GEOLOGY = GeologyRecipe()


def random_geology(seed: int, index: int = 0, recipe: GeologyRecipe = HEMEW_GEOLOGY) -> Geology:
    """Geology number `index` under a master seed: the same whenever and wherever it is drawn.

    Args:
        seed: the master seed, 0 or more.
        index: number of the geology.
        recipe: layers and their heterogeneity; by default HEMEW-3D's.

    Returns:
        A geology, its nodes spread evenly over the domain.

    Example:
        >>> import spectremor as sp
        >>> ground = sp.random_geology(seed=7, index=3)
        >>> ground.shape, float(ground.vs_m_s[0, 0, 0])
        ((32, 32, 32), 4500.0)
    """
    return make_geology(random_vs_m_s(seed, index, recipe), recipe.extent_m)


def random_vs_m_s(seed: int, index: int = 0, recipe: GeologyRecipe = HEMEW_GEOLOGY) -> Float[np.ndarray, "x y z"]:
    """The values of `random_geology` as a plain float32 array, in m/s, z from the bottom up."""
    rng = generator(seed, "geology", index)
    vs = np.full(recipe.cells, recipe.bottom_vs_m_s)
    base = recipe.bottom_cells
    for thickness in _thicknesses(rng, recipe):
        vs[:, :, base : base + thickness] = _layer(rng, thickness, recipe)
        base += thickness
    vs = vs.clip(*recipe.vs_range_m_s)
    if recipe.bottom_cells:
        interface = recipe.bottom_cells
        vs[:, :, interface] = 0.5 * (vs[:, :, interface - 1] + vs[:, :, interface])
    return vs.astype(np.float32)


def _thicknesses(rng: np.random.Generator, recipe: GeologyRecipe) -> list[int]:
    """Cells in each layer, from the bottom up: every cell draws a layer's number; a layer without cells is left out."""
    layers = int(rng.integers(recipe.layers[0], recipe.layers[1], endpoint=True))
    picks = rng.integers(0, layers, recipe.cells[2] - recipe.bottom_cells)
    return [int(count) for count in np.bincount(picks, minlength=layers) if count]


def _layer(rng: np.random.Generator, thickness: int, recipe: GeologyRecipe) -> Float[np.ndarray, "x y t"]:
    """Vs of one layer: log-normal, with a random mean, coefficient of variation and correlation lengths."""
    mean = rng.uniform(*recipe.mean_vs_m_s)
    variation = abs(rng.normal(*recipe.variation))
    along_x, along_y, along_z = (float(v) for v in rng.choice(recipe.correlation_lengths_m, 3))
    shape = (recipe.cells[0], recipe.cells[1], thickness)
    field = von_karman_field(rng, shape, (along_x, along_y, along_z), recipe.cell_m, recipe.hurst)
    log_variance = math.log1p(variation**2)
    return mean * np.exp(math.sqrt(log_variance) * field - 0.5 * log_variance)


def von_karman_spectrum(
    lengths_m: tuple[float, float, float],
    wavenumbers: tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."], Float[np.ndarray, "..."]],
    nyquist: float,
    hurst: float,
) -> Float[np.ndarray, "..."]:
    """Power spectral density of a von Karman field of unit variance, cut at the Nyquist wavenumber.

    Its integral over all wavenumbers would be 1; over the ball |k| <= `nyquist` (rad/m) it is less. As in the published
    recipe, it is not scaled up to make good the missing variance.

    Args:
        lengths_m: correlation lengths along x, y, z.
        wavenumbers: kx, ky, kz in rad/m, shapes that broadcast.
        nyquist: largest wavenumber in rad/m.
        hurst: exponent H of the covariance (a Matern covariance with nu = H).

    Returns:
        Density in m^3, of the wavenumbers' common shape.
    """
    kx, ky, kz = wavenumbers
    ax, ay, az = lengths_m
    constant = scipy.special.gamma(hurst + 1.5) / (math.pi**1.5 * scipy.special.gamma(hurst)) * ax * ay * az
    density = constant * (1.0 + (kx * ax) ** 2 + (ky * ay) ** 2 + (kz * az) ** 2) ** -(hurst + 1.5)
    return np.where(kx**2 + ky**2 + kz**2 <= nyquist**2, density, 0.0)


def von_karman_field(
    rng: np.random.Generator,
    shape: tuple[int, int, int],
    lengths_m: tuple[float, float, float],
    spacing_m: float,
    hurst: float,
) -> Float[np.ndarray, "x y z"]:
    """A stationary Gaussian random field with a band-limited von Karman covariance.

    White noise is filtered by the square root of the spectrum on a periodic box; the block, which is smaller, is then
    cut out, so that its opposite edges are independent.

    Args:
        rng: source of the noise.
        shape: number of points along x, y, z.
        lengths_m: correlation lengths along x, y, z.
        spacing_m: grid spacing.
        hurst: exponent of the covariance.

    Returns:
        Field of mean 0 and variance below 1 (see `von_karman_spectrum`).
    """
    box = [
        scipy.fft.next_fast_len(n + math.ceil(_PADDING_LENGTHS * length / spacing_m), real=True)
        for n, length in zip(shape, lengths_m, strict=True)
    ]
    amplitude = np.sqrt(_mode_variance(box, lengths_m, spacing_m, hurst) * math.prod(box))
    noise = scipy.fft.rfftn(rng.standard_normal(box))
    field = scipy.fft.irfftn(noise * amplitude, s=box)
    return np.ascontiguousarray(field[: shape[0], : shape[1], : shape[2]])


def von_karman_covariance(
    shape: tuple[int, int, int],
    lengths_m: tuple[float, float, float],
    spacing_m: float,
    hurst: float,
    padding_lengths: float = 6.0,
) -> Float[np.ndarray, "x y z"]:
    """Covariance of `von_karman_field` at lags of whole grid steps: the spectrum's Fourier transform.

    Args:
        shape: number of lags along x, y, z, from 0.
        lengths_m: correlation lengths along x, y, z.
        spacing_m: grid spacing.
        hurst: exponent of the covariance.
        padding_lengths: size of the transform's box beyond the lags, in correlation lengths.
    """
    box = [
        scipy.fft.next_fast_len(2 * n + math.ceil(padding_lengths * length / spacing_m), real=True)
        for n, length in zip(shape, lengths_m, strict=True)
    ]
    spectrum = _mode_variance(box, lengths_m, spacing_m, hurst)
    covariance = scipy.fft.irfftn(spectrum * math.prod(box), s=box)
    return covariance[: shape[0], : shape[1], : shape[2]]


def _mode_variance(
    box: list[int], lengths_m: tuple[float, float, float], spacing_m: float, hurst: float
) -> Float[np.ndarray, "x y half"]:
    """Variance carried by each discrete mode of a periodic box (half spectrum along z)."""
    kx, ky = (2 * math.pi * np.fft.fftfreq(n, spacing_m) for n in box[:2])
    kz = 2 * math.pi * np.fft.rfftfreq(box[2], spacing_m)
    grid = (kx[:, None, None], ky[None, :, None], kz[None, None, :])
    cell = math.prod(2 * math.pi / (n * spacing_m) for n in box)
    return von_karman_spectrum(lengths_m, grid, math.pi / spacing_m, hurst) * cell
