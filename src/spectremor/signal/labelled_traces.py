"""Two sets of traces for a comparison, as plain arrays: labels are honoured or refused, never dropped."""

from __future__ import annotations

from typing import Any

import numpy as np

from spectremor.core.errors import InputError
from spectremor.core.labelled import is_labelled, plain_array, stated_unit

#: The last axes of plain traces.
LAST = ("component", "time")


def plain_traces(prediction: Any, reference: Any, dt_s: float, *, field: str) -> tuple[np.ndarray, np.ndarray]:
    """Prediction and reference as plain arrays (..., component, time).

    The axes of two labelled arrays are put in the same order by name, with `component` and `time` last.

    Args:
        prediction: a plain array (..., component, time), or an xarray.DataArray.
        reference: the same.
        dt_s: sampling step in s; the coordinate `time`, where there is one, must have this step.
        field: start of the input's name in an error message.

    Raises:
        InputError: axes, coordinates or units that differ, masked values, or no numbers.
    """
    units = [stated_unit(traces) for traces in (prediction, reference)]
    if None not in units and units[0] != units[1]:
        raise InputError(f"{field}.prediction.units", units[0], f"{units[1]}, the reference's")
    if is_labelled(prediction) and is_labelled(reference):
        prediction = _like(prediction, reference, f"{field}.prediction")
    names = (f"{field}.prediction", f"{field}.reference")
    labelled = zip(names, (prediction, reference), strict=True)
    first, second = (plain_array(name, _with_time_last(name, traces, dt_s), None) for name, traces in labelled)
    return first, second


def _like(prediction: Any, reference: Any, name: str) -> Any:
    """The prediction with its axes in the reference's order."""
    if sorted(map(str, prediction.dims)) != sorted(map(str, reference.dims)):
        raise InputError(f"{name}.dims", prediction.dims, f"{reference.dims}, the reference's")
    for dim in reference.dims:
        if dim in prediction.coords and dim in reference.coords and not _agree(prediction[dim], reference[dim]):
            raise InputError(f"{name}.{dim}", "other coordinates", "the reference's")
    return prediction.transpose(*reference.dims)


def _agree(mine: Any, other: Any) -> bool:
    if mine.shape != other.shape:
        # The caller of `plain_traces` refuses different shapes.
        return True
    if mine.dtype.kind in "fiu" and other.dtype.kind in "fiu":
        return bool(np.allclose(mine.values, other.values, rtol=1e-4, atol=1e-6))
    return bool((mine.values == other.values).all())


def _with_time_last(name: str, traces: Any, dt_s: float) -> Any:
    """Labelled traces with `component` and `time` last, after a check of their time step; plain ones unchanged."""
    if not is_labelled(traces):
        return traces
    if any(dim not in traces.dims for dim in LAST):
        raise InputError(f"{name}.dims", traces.dims, "component and time among them, or an array without labels")
    if "time" in traces.coords and traces.sizes["time"] > 1:
        step_s = float(traces["time"][1] - traces["time"][0])
        if not np.isclose(step_s, dt_s, rtol=1e-3):
            raise InputError("dt_s", f"{dt_s:g} s", f"{step_s:g} s, the step of {name}'s times")
    return traces.transpose(..., *LAST)
