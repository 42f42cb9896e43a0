"""A probabilistic baseline: a single prediction dressed with the errors that it made on other events."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from spectremor.core.errors import InputError
from spectremor.core.seeds import generator


@dataclasses.dataclass(frozen=True)
class Residuals:
    """Errors of a single prediction on the validation split, as ln(truth / prediction) of each quantity.

    Attributes:
        values: (case, quantity); a row is one sensor of one event. NaN where a quantity is not defined.
    """

    values: Float[np.ndarray, "case quantity"]

    @classmethod
    def of(
        cls, predictions: Sequence[Float[np.ndarray, "quantity _"]], truths: Sequence[Float[np.ndarray, "quantity _"]]
    ) -> Residuals:
        """From positive quantities (quantity, sensor) of events that nothing else was fitted on.

        Raises:
            InputError: no event.
        """
        if not len(predictions):
            raise InputError("residuals", "no validation sample", "at least one")
        prediction, truth = (np.concatenate(list(of), axis=1).astype(float) for of in (predictions, truths))
        moving = (prediction > 0) & (truth > 0)
        ratio = np.divide(truth, prediction, out=np.ones_like(truth), where=moving)
        return cls(np.where(moving, np.log(ratio), np.nan).T)

    def dress(
        self, prediction: Float[np.ndarray, "quantity sensor"], realizations: int, seed: int, sample: int
    ) -> Float[np.ndarray, "realization quantity sensor"]:
        """An ensemble: the prediction times exp(residual), residuals drawn at random for each sensor and realization.

        Args:
            prediction: quantities of one event.
            realizations: how many.
            seed: master seed.
            sample: number of the event, so that events draw apart.
        """
        dressed = np.full((realizations, *prediction.shape), np.nan)
        for k, (values, pool) in enumerate(zip(prediction, self.values.T, strict=True)):
            residuals = pool[~np.isnan(pool)]
            if len(residuals):
                chosen = generator(seed, "residuals", sample, k).integers(
                    0, len(residuals), (realizations, len(values))
                )
                dressed[:, k] = values * np.exp(residuals[chosen])
        return dressed
