"""Makes the example geology that ships with the package: one draw of the project's own generator."""

from __future__ import annotations

from pathlib import Path

from spectremor.campaign.random_geology import random_geology
from spectremor.data.geology_files import write_geology

SEED, INDEX = 2025, 9
TARGET = Path(__file__).resolve().parents[1] / "src" / "spectremor" / "examples" / "geology.nc"

if __name__ == "__main__":
    write_geology(random_geology(SEED, INDEX), TARGET)
    print(TARGET)
