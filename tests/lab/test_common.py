"""Settings and folders that all experiments share."""

from __future__ import annotations

from pathlib import Path

import pytest

from spectremor.core.errors import InputError
from spectremor.lab.common import check_out, parse
from spectremor.lab.noise_schedule import NoiseScheduleSettings
from spectremor.lab.phase_shift import PhaseShiftSettings


def test_the_folder_one_stands_in_is_as_good_as_any(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert check_out(".") == tmp_path.resolve()
    assert check_out("new/one") == tmp_path.resolve() / "new" / "one"
    (tmp_path / "file").write_text("x")
    for wrong in ("file", "file/below", "."):
        with pytest.raises(InputError, match="--out"):
            check_out(wrong)


@pytest.mark.parametrize(
    ("kind", "values", "option"),
    [
        (NoiseScheduleSettings, {"realizations": 1}, "--realizations"),
        (NoiseScheduleSettings, {"schedules": ("sine",)}, "--schedule"),
        (NoiseScheduleSettings, {"stage1_spacing_m": -1}, "--stage1-spacing"),
        (PhaseShiftSettings, {"shifts": ("late",)}, "--shift"),
    ],
)
def test_errors_name_the_option_as_it_is_typed(kind, values, option) -> None:
    with pytest.raises(InputError) as caught:
        parse(kind, {"data": Path("x.zarr"), **values})
    assert caught.value.field == option
