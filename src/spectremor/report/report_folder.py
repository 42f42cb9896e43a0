"""The folder of a report: a new or empty one, or that of an earlier report, which is replaced as a whole."""

from __future__ import annotations

from pathlib import Path

from spectremor.core.files import check_result_folder

PAGE, FIGURES = "index.html", "figures"
SCORES, PER_SENSOR = "scores.json", "per_sensor.csv"
PER_SAMPLE, SUMMARY, SETTINGS = "per_sample.json", "summary.json", "settings.json"
TABLES = (
    "per_sample",
    "summary",
    "deciles",
    "shares",
    "spectra",
    "response",
    "intensities",
    "coherency",
    "semivariogram",
    "ensembles",
    "fields",
    "recorded",
    "waveforms",
    "ground_motion_models",
)
_NAMES = {PAGE, FIGURES, SCORES, PER_SENSOR, PER_SAMPLE, SUMMARY, SETTINGS, *(f"{name}.csv" for name in TABLES)}


def check_report_folder(path: str | Path, *, field: str = "out") -> Path:
    """Refuse, before any work, a folder that cannot be written or that holds anything but an earlier report.

    Raises:
        InputError: says why.
    """
    return check_result_folder(path, _NAMES, "an earlier report", field=field)
