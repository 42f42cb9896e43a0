"""How far a model's motion was off where a problem lies outside of what it learned: measured, and said in a warning.

The numbers are those of `benchmarks/regional.py`, which writes `regional_errors.csv` beside this file.
"""

from __future__ import annotations

import csv
import functools
from importlib import resources

#: Beside this file: for each kind of case the medians over the cases, of single draws.
TABLE = "regional_errors.csv"
#: Of a row's `ground`: with ground below the learned speeds, or without.
SLOW_GROUND, ORDINARY_GROUND = "slow", "ordinary"


@functools.cache
def _rows() -> tuple[dict[str, str], ...]:
    table = resources.files("spectremor.model").joinpath(TABLE)
    if not table.is_file():
        return ()
    return tuple(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))


def measured_error(model_id: str, *, source: str, ground: str) -> str:
    """What was measured on cases like this, in words.

    Args:
        model_id: name and digest of the weights, "name@digest". Where other weights of that name were measured, the
            words say so.
        source: "point" or "rupture".
        ground: "slow" or "ordinary".

    Example:
        >>> measured_error("unknown@0123456789ab", source="point", ground="slow")
        'no error has been measured on such cases'
    """
    name, _, weights = model_id.rpartition("@")
    for row in _rows():
        if (row["model"], row["source"], row["ground"]) == (name, source, ground):
            named = (("ln_bias_1_2", "1-2"), ("ln_bias_2_5", "2-5"))
            bands = ", ".join(f"{float(row[column]):+.2f} at {band} Hz" for column, band in named if row[column])
            others = "" if row["weights"] == weights else f"with other weights of this name ({row['weights']}), "
            cases = f"{row['cases']} such case{'s' * (row['cases'] != '1')}"
            return (
                f"{others}on {cases} single draws had ln(amplitude / truth) of "
                f"{bands}, EG {row['eg']}, PG {row['pg']}, and 80% intervals held "
                f"{100 * float(row['coverage_80']):.0f}%"
            )
    return "no error has been measured on such cases"
