"""xarray without dask, in a command that has no use for dask.

To know whether an array is dask's, xarray imports dask, which takes a sixth of the time that torch takes. But where
dask has not been imported, no array can be dask's.
"""

from __future__ import annotations

import sys
from typing import Any


def leave_dask_out() -> None:
    """Let xarray answer "not dask's" while nothing else has imported dask; from then on it asks dask as ever.

    Two functions of xarray ask; an xarray that has others asks dask at once, and is only slower.
    """
    from xarray.core import variable
    from xarray.namedarray import utils

    ask, types_of = utils.is_dask_collection, variable.array_type  # type: ignore[attr-defined]

    def is_dask_collection(values: object) -> bool:
        return "dask" in sys.modules and ask(values)

    def array_type(module: Any) -> Any:
        return () if module == "dask" and "dask" not in sys.modules else types_of(module)

    utils.is_dask_collection = is_dask_collection  # type: ignore[assignment]
    variable.array_type = array_type  # type: ignore[attr-defined, assignment]
