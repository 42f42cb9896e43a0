"""Where `spectremor evaluate` takes the L1-regression baseline from: given, beside the model, or trained now."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from spectremor.core.errors import InputError
from spectremor.core.extras import MissingExtraError

Advance = Callable[[int, int, str], None]


def regression_of(
    data: Path, model: Path | None, given: Path | None, minutes: float, advance: Advance
) -> tuple[Path | None, str]:
    """The baseline's folder, and in words where it comes from or why there is none.

    Args:
        data: campaign store.
        model: the model that is judged (None: the one that ships).
        given: folder named by the person.
        minutes: to train it for, if there is none yet; 0 goes without.
        advance: told (done, total, what).
    """
    from spectremor.model.folder import find_model

    if given is not None:
        return given, f"baseline 'stage 1 + regression': the weights in {given}"
    judged = find_model(model)
    beside = judged.resolve() / "regression"
    if (beside / "regression.json").is_file():
        return beside, "baseline 'stage 1 + regression': the weights that lie beside the model's"
    if minutes == 0:
        return None, "baseline 'stage 1 + L1 regression' is absent: --regression-minutes 0"
    from spectremor.lab.regression import train_regression

    try:
        trained = train_regression(data, judged, minutes=minutes, report=advance)
    except (InputError, MissingExtraError, OSError, FloatingPointError) as error:
        return None, f"baseline 'stage 1 + L1 regression' is absent: {error}"
    return trained.model, trained.about
