"""The eight symmetries of the square, applied to the inputs of the network.

Turning a prepared event is exact and costs a copy; preparing the turned geology again would cost a travel-time solve.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from jaxtyping import Float

from spectremor.data import symmetries
from spectremor.data.symmetries import Symmetry

#: How many there are.
SYMMETRIES = len(symmetries.SYMMETRIES)


def turn_inputs(inputs: Mapping[str, np.ndarray], symmetry: int) -> dict[str, np.ndarray]:
    """The arrays of `event_inputs` for the turned event; sensors and geology must be square and centred."""
    s = Symmetry(symmetry)
    px, py, depth = (float(v) for v in inputs["position"])
    turned = {
        "position": np.array(s.position((px, py, depth), (1.0, 1.0, 1.0))),
        "moment": _six(s.matrix @ _tensor(inputs["moment"]) @ s.matrix.T),
        "scale": inputs["scale"],
    }
    for name in inputs.keys() - turned.keys():
        turned[name] = _TURNED[name](s, inputs[name])
    return {name: np.ascontiguousarray(values, dtype=np.float32) for name, values in turned.items()}


def _volume(s: Symmetry, volume: np.ndarray) -> np.ndarray:
    return s.plane(volume, (0, 1))


def _amplitude(s: Symmetry, amplitude: np.ndarray) -> np.ndarray:
    vectors = amplitude.reshape(-1, 3, *amplitude.shape[2:])
    return s.traces(vectors[..., None])[..., 0].reshape(amplitude.shape)


def _sensor(s: Symmetry, sensor: np.ndarray) -> np.ndarray:
    incidence = s.traces(np.concatenate([sensor[1:3], sensor[:1]])[..., None])[..., 0]
    return np.concatenate([incidence[2:], incidence[:2], s.plane(sensor[3:], (1, 2))])


#: How each input turns that does not describe the source.
_TURNED: dict[str, Callable[[Symmetry, np.ndarray], np.ndarray]] = {
    "geology": _volume,
    "nodes": _volume,
    "offset_time": _volume,
    "s_time": lambda s, times: s.plane(times, (1, 2)),
    "amplitude": _amplitude,
    "sensor": _sensor,
    "simulation": lambda s, traces: s.traces(traces),
}


def turn_traces(traces: Float[np.ndarray, "3 x y t"], symmetry: int) -> Float[np.ndarray, "3 x y t"]:
    """Three-component traces of the turned event."""
    return Symmetry(symmetry).traces(traces)


def _tensor(six: np.ndarray) -> np.ndarray:
    xx, yy, zz, xy, xz, yz = six
    return np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])


def _six(m: np.ndarray) -> np.ndarray:
    return np.array([m[0, 0], m[1, 1], m[2, 2], m[0, 1], m[0, 2], m[1, 2]])
