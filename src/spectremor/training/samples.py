"""Which samples of a campaign a training learns from, and which it is judged on."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from spectremor.core.errors import InputError
from spectremor.data.store import CampaignStore


@dataclasses.dataclass(frozen=True, kw_only=True)
class Samples:
    """Numbers of samples.

    Attributes:
        train: to learn from.
        val: to judge on.

    Raises:
        InputError: one of the two is empty.
    """

    train: Sequence[int]
    val: Sequence[int]

    def __post_init__(self) -> None:
        if not self.train or not self.val:
            counts = f"{len(self.train)} complete samples to train on, {len(self.val)} for validation"
            raise InputError("--data", counts, "at least one of each")

    @classmethod
    def of(cls, store: CampaignStore, most: int = 0, skipped: int = 0) -> Samples:
        """The complete samples of a campaign's own splits.

        Args:
            store: the campaign.
            most: number of training samples (0: all).
            skipped: number of training samples that are left out before these.
        """
        train, val = (store.ids(split).tolist() for split in ("train", "val"))
        return cls(train=train[skipped : skipped + most if most else None], val=val)
