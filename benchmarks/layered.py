"""The simulator against an independent code, pyprop8, in uniform and layered ground (docs/laboratory/validation.md).

    python benchmarks/layered.py [--grid-spacing 150 100] [--ground uniform layered steps] [--out TABLE.csv]

pyprop8 (Valentine & Sambridge 2022, doi:10.21105/joss.04217; GPL, `pip install pyprop8`) computes complete seismograms
of a point source in flat layers by integration over wavenumbers. Both sides are elastic, with the same moment function
and the same low-pass. Printed and written: the root mean square of the difference over that of pyprop8's motion, and
the factor that takes pyprop8's motion to ours in least squares, over three azimuths and three components.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyprop8

import spectremor as sp
from spectremor.core.medium import density_kg_m3, vp_m_s
from spectremor.core.recording import Recording, SensorGrid
from spectremor.core.source import Source
from spectremor.simulation.elastic import simulate_many
from spectremor.simulation.settings import SimulationSettings
from spectremor.simulation.time_axis import output_samples

EXTENT_M = (9600.0, 4800.0, 4800.0)
SOURCE_M = (1500.0, 2400.0, -2100.0)
#: Epicentral distances along x from 2.0 to 7.2 km; azimuths from the three rows of sensors.
SENSORS_M = (np.array([3500.0, 5100.0, 6900.0, 8700.0]), np.array([1050.0, 2400.0, 3900.0]))
DURATION_S, SAMPLING_HZ, LOWPASS_HZ, RISE_TIME_S = 8.0, 50.0, 1.5, 0.1
ANGLES_DEG = {"strike-slip": (20, 90, 0), "dip-slip": (50, 40, 90)}
MOMENT_NM = 1e16


@dataclasses.dataclass(frozen=True)
class Ground:
    """Vs as a function of depth, linear between evenly spaced nodes.

    Attributes:
        spacing_m: distance of the nodes along depth.
        vs_m_s: Vs at the nodes, from the surface down.
    """

    spacing_m: float
    vs_m_s: tuple[float, ...]

    @classmethod
    def of_layers(cls, spacing_m: float, *layers: tuple[float, float]) -> Ground:
        """Nodes in layers (depth of the top in m, Vs in m/s): an interface is a ramp one node spacing long."""
        depths = np.arange(round(EXTENT_M[2] / spacing_m) + 1) * spacing_m
        tops, speeds = zip(*layers, strict=True)
        return cls(spacing_m, tuple(float(speeds[np.searchsorted(tops, d, side="right") - 1]) for d in depths))

    def geology(self):
        """The ground as the simulator takes it."""
        vs = np.array(self.vs_m_s[::-1])
        return sp.make_geology(np.broadcast_to(vs, (3, 3, len(vs))).copy(), EXTENT_M)

    def thin_layers(self, parts: int = 4) -> list[tuple[float, float]]:
        """Layers (thickness in m, Vs in m/s): `parts` to each interval in which Vs changes, the last one endless."""
        layers: list[tuple[float, float]] = []
        for above, below in zip(self.vs_m_s[:-1], self.vs_m_s[1:], strict=True):
            for part in range(parts):
                vs = above + (below - above) * (part + 0.5) / parts
                if layers and layers[-1][1] == vs:
                    layers[-1] = (layers[-1][0] + self.spacing_m / parts, vs)
                else:
                    layers.append((self.spacing_m / parts, vs))
        return [*layers[:-1], (np.inf, layers[-1][1])]


_LAYERS = ((0.0, 1500.0), (700.0, 2200.0), (1500.0, 3000.0))
GROUNDS = {
    "uniform": Ground.of_layers(300.0, (0.0, 2500.0)),
    "layered": Ground.of_layers(300.0, *_LAYERS),
    "steps": Ground.of_layers(75.0, *_LAYERS),
}


def mechanisms() -> dict[str, Source]:
    """An explosion, a strike-slip and a dip-slip earthquake."""
    sources = {
        name: Source.from_angles(
            position_m=SOURCE_M, strike_deg=s, dip_deg=d, rake_deg=r, moment_nm=MOMENT_NM, rise_time_s=RISE_TIME_S
        )
        for name, (s, d, r) in ANGLES_DEG.items()
    }
    explosion = Source.from_tensor(position_m=SOURCE_M, tensor_nm=MOMENT_NM * np.eye(3), rise_time_s=RISE_TIME_S)
    return {"explosion": explosion, **sources}


def simulated(ground: Ground, sources: Sequence[Source], grid_spacing_m: float) -> np.ndarray:
    """Our velocities in m/s, shape (source, component, x, y, time)."""
    recording = Recording(
        sensors=SensorGrid(*SENSORS_M),
        samples=output_samples(DURATION_S, SAMPLING_HZ),
        sampling_hz=SAMPLING_HZ,
        lowpass_hz=LOWPASS_HZ,
    )
    settings = SimulationSettings(grid_spacing_m=grid_spacing_m, attenuation=False)
    fields = simulate_many([ground.geology()], sources, recording, settings)
    return np.stack([f.values for f in fields]).astype(float)


def reference(ground: Ground, sources: Sequence[Source], *, period_s: float = 20.0, finer: float = 1.0) -> np.ndarray:
    """pyprop8's velocities in m/s, shape (source, component, x, y, time).

    The spectra are computed at complex frequencies, whose imaginary part damps by a factor of 30 what the period of the
    discrete frequencies folds back. Wavenumbers reach twice w / Vs and what the near field of a source at this depth
    needs beyond, and are so dense that the fastest waves from the sources that they repeat arrive after the period.

    Args:
        ground: the ground.
        sources: of one position and rise time.
        period_s: of the discrete frequencies.
        finer: factor by which wavenumbers are denser than that.
    """
    layers = ground.thin_layers()
    vs = np.array([v for _, v in layers])
    depth_km = -SOURCE_M[2] / 1e3
    model = pyprop8.LayeredStructureModel([_in_km(*layer) for layer in layers])
    east_m, north_m = (a.ravel() for a in np.meshgrid(*SENSORS_M, indexing="ij"))
    east_km, north_km = (east_m - SOURCE_M[0]) / 1e3, (north_m - SOURCE_M[1]) / 1e3
    tensors = np.array([s.tensor_nm for s in sources])
    point = pyprop8.PointSource(0.0, 0.0, depth_km, tensors, np.zeros((len(sources), 3, 1)), 0.0)

    omega = 2 * np.pi * np.arange(round(2.2 * LOWPASS_HZ * period_s) + 1) / period_s - 1j * np.log(30.0) / period_s
    repeated_km = np.hypot(east_km, north_km).max() + period_s * vp_m_s(vs).max() / 1e3
    step = 2 * np.pi / repeated_km / finer
    spectra = np.empty((len(sources), 3, len(east_km), len(omega)), complex)
    azimuth = np.arctan2(north_km, east_km)
    for i, w in enumerate(omega):
        count = int(np.ceil((2 * abs(w) / (vs.min() / 1e3) + 4 / depth_km) / step)) + 1
        radial, transverse, up = np.moveaxis(
            pyprop8.compute_spectra(
                model,
                point,
                pyprop8.ListOfReceivers(east_km, north_km),
                np.array([w]),
                show_progress=False,
                stencil_kwargs={"kmin": 0.0, "kmax": step * (count - 1), "nk": count},
                squeeze_outputs=False,
            )[..., 0],
            2,
            0,
        )
        east = radial * np.cos(azimuth) - transverse * np.sin(azimuth)
        north = radial * np.sin(azimuth) + transverse * np.cos(azimuth)
        spectra[..., i] = np.stack([east, north, up], axis=1)
    # In km, g/cm3 and km/s a moment of 1 is 1e18 N m and a velocity of 1 is 1 km/s.
    spectra *= 1e-15 / (1 + 1j * omega * sources[0].rise_time_s) ** 2 / (1 + (omega / (2 * np.pi * LOWPASS_HZ)) ** 8)
    spectra[..., 0] /= 2
    time_s = np.arange(round(DURATION_S * SAMPLING_HZ)) / SAMPLING_HZ
    motion = 2 / period_s * (spectra @ np.exp(1j * np.outer(omega, time_s))).real
    return motion.reshape(*motion.shape[:2], *map(len, SENSORS_M), -1)


def _in_km(thickness_m: float, vs_m_s: float) -> tuple[float, float, float, float]:
    vp = vp_m_s(np.array(vs_m_s))
    return thickness_m / 1e3, float(vp) / 1e3, vs_m_s / 1e3, float(density_kg_m3(vp)) / 1e3


def relative_rms(found: np.ndarray, expected: np.ndarray) -> float:
    """Root mean square of the difference over that of what was expected."""
    return float(np.sqrt(np.mean((found - expected) ** 2) / np.mean(expected**2)))


def rows(name: str, spacing_m: float) -> list[dict[str, object]]:
    """Lines of the table for one ground and grid."""
    ground, sources = GROUNDS[name], mechanisms()
    ours, theirs = simulated(ground, list(sources.values()), spacing_m), reference(ground, list(sources.values()))
    distances = {"all": slice(None)} | {f"{x - SOURCE_M[0]:.0f}": i for i, x in enumerate(SENSORS_M[0])}
    return [
        {
            "ground": name,
            "grid_spacing_m": spacing_m,
            "points_per_wavelength": round(min(ground.vs_m_s) / LOWPASS_HZ / spacing_m, 1),
            "mechanism": mechanism,
            "distance_along_x_m": distance,
            "relative_rms": round(relative_rms(ours[i][:, at], theirs[i][:, at]), 4),
            "factor": round(float(np.sum(ours[i][:, at] * theirs[i][:, at]) / np.sum(theirs[i][:, at] ** 2)), 4),
        }
        for i, mechanism in enumerate(sources)
        for distance, at in distances.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--grid-spacing", type=float, nargs="+", default=[150.0, 100.0])
    parser.add_argument("--ground", nargs="+", choices=GROUNDS, default=list(GROUNDS))
    parser.add_argument("--out", type=Path, help="a csv file")
    options = parser.parse_args()
    table: list[dict[str, object]] = []
    for name in options.ground:
        for spacing in options.grid_spacing:
            found = rows(name, spacing)
            table += found
            for line in found:
                if line["distance_along_x_m"] == "all":
                    print("  ".join(f"{key} {value}" for key, value in line.items()), flush=True)
    if options.out:
        with options.out.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(table[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(table)


if __name__ == "__main__":
    main()
