"""How benchmarks write a table: a csv whose first line names the columns."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path


def write_table(rows: Sequence[Mapping[str, object]], path: Path, decimals: int = 8) -> None:
    """Write rows of the same keys; numbers are rounded to so many decimals."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({k: round(float(v), decimals) if isinstance(v, float) else v for k, v in row.items()})
