"""The simulations on a coarser grid that a campaign holds, as a stage 1 that simulates anew."""

from __future__ import annotations

from spectremor.core.domain import Domain
from spectremor.data.store import CampaignStore
from spectremor.simulation.stage1 import CoarseSimulation, SimulationConfig


def simulation_of(store: CampaignStore, spacing_m: float) -> CoarseSimulation | None:
    """What makes the store's simulations at a spacing; None where the store does not say how they were made."""
    if not {"campaign", "simulator"} <= store.attrs.keys():
        return None
    scenario, solver = store.attrs["campaign"]["scenario"], store.attrs["simulator"]
    low, high = zip(*(scenario["source"][f"{axis}_m"] for axis in "xyz"), strict=True)
    domain = Domain(
        extent_m=store.extent_m,
        nodes=store.array("vs").shape[1:],
        sensors=(len(store.x_m), len(store.y_m)),
        first_sensor_m=(store.x_m[0], store.y_m[0]),
        last_sensor_m=(store.x_m[-1], store.y_m[-1]),
        samples=len(store.time_s),
        sampling_hz=round(store.sampling_hz, 6),
        source_low_m=low,
        source_high_m=high,
    )
    return CoarseSimulation(
        SimulationConfig(
            domain=domain,
            grid_spacing_m=spacing_m,
            order=solver["order"],
            lowpass_hz=scenario["lowpass_hz"],
            solver_version=solver["solver_version"],
        )
    )
