"""Checks of a campaign before any work: grids, sensors, sources and times that cannot be simulated are refused."""

from __future__ import annotations

import warnings

from spectremor.campaign.config import CampaignConfig
from spectremor.campaign.sample import ORDER
from spectremor.core.errors import InputError, InputWarning
from spectremor.simulation.grid import cells_across, points_per_wavelength


def check_campaign(config: CampaignConfig, count: int) -> None:
    """Refuse a campaign that cannot be simulated, before any work.

    Raises:
        InputError: a spacing that does not divide the domain or does not carry the band, a sensor or a source (of the
            first `count`) outside the domain, a patch of stations larger than the range of sensors, wrong times, a
            wrong `also_m`.
    """
    config.checked()
    extent = config.scenario.geology.extent_m
    for spacing in (config.grid_spacing_m, *config.also_m):
        for side in extent:
            cells_across(side, spacing)
        _check_carried(config, spacing)
    _check_times(config)
    for name, axis, side in (("x", config.scenario.sensors_x, extent[0]), ("y", config.scenario.sensors_y, extent[1])):
        for position in (axis.first_m, axis.last_m):
            if not 0 <= position <= side:
                raise InputError(f"sensors_{name}", f"{position:g} m", f"[0, {side:g}] m, inside the domain")
        _check_patch(config, name, axis.last_m - axis.first_m)
    for i in range(count):
        config.source(i).check_inside(extent)
    shallowest = min(-config.source(i).position_m[2] for i in range(count))
    coarsest = max((config.grid_spacing_m, *config.also_m))
    if shallowest < coarsest:
        raise InputError("source.z", f"{-shallowest:g} m", f"at least one cell deep: z <= {-coarsest:g} m")


def warn_of_band(config: CampaignConfig) -> None:
    """Warn, once for a campaign, of grids that do not carry its whole band in the slowest ground of its recipe."""
    slowest = config.scenario.geology.vs_range_m_s[0]
    for spacing in (config.grid_spacing_m, *config.also_m):
        carried = slowest / (points_per_wavelength(ORDER) * spacing)
        if carried < config.scenario.lowpass_hz:
            warnings.warn(
                f"grid_spacing_m: {spacing:g} m carries shear waves in the slowest ground ({slowest:.0f} m/s) "
                f"accurately up to {carried:.2g} Hz; the low-pass lets {config.scenario.lowpass_hz:g} Hz through",
                InputWarning,
                stacklevel=2,
            )


def highest_lowpass_hz(config: CampaignConfig, spacing_m: float) -> float:
    """Highest corner frequency that a grid can hold: two points per shear wavelength in the fastest ground."""
    recipe = config.scenario.geology
    fastest = recipe.bottom_vs_m_s if recipe.bottom_cells else recipe.vs_range_m_s[1]
    return min(fastest, recipe.vs_range_m_s[1]) / (2 * spacing_m)


def _check_carried(config: CampaignConfig, spacing_m: float) -> None:
    highest, lowpass_hz = highest_lowpass_hz(config, spacing_m), config.scenario.lowpass_hz
    if lowpass_hz > highest:
        where = f"{lowpass_hz:g} Hz on a grid of {spacing_m:g} m"
        raise InputError("lowpass_hz", where, f"(0, {highest:.3g}] Hz: two points per shear wavelength")


def _check_patch(config: CampaignConfig, axis: str, range_m: float) -> None:
    """Refuse a patch of stations that does not fit between the outermost sensors."""
    plan = config.scenario.stations
    if plan is not None and plan.patch_side_m > range_m:
        found = f"a patch of {plan.patch_side_m:g} m"
        raise InputError("stations.patch", found, f"at most {range_m:g} m, the range of sensors_{axis}")


def _check_times(config: CampaignConfig) -> None:
    scenario = config.scenario
    if scenario.lowpass_hz > scenario.sampling_hz / 2:
        allowed = f"(0, {scenario.sampling_hz / 2:g}] Hz, half the sampling rate"
        raise InputError("lowpass_hz", f"{scenario.lowpass_hz:g} Hz", allowed)
