"""A digest of a sample's content, by which results computed from the sample are cached."""

from __future__ import annotations

import hashlib

import numpy as np

from spectremor.data.store import CampaignStore
from spectremor.signal.attenuation import ATTENUATION_VERSION
from spectremor.signal.dispersion import DISPERSION_VERSION


def sample_digest(store: CampaignStore, i: int) -> str:
    """16 hexadecimal digits that identify a sample's geology, wavefields and source.

    A store may be made again with other samples under the same path. The digest also covers the versions of the
    corrections that are applied to elastic motion on reading.
    """
    source = store.source(i)
    numbers = (*source.position_m, *source.moment_tensor_nm, source.rise_time_s)
    text = f"{int(np.asarray(store.array('checksum')[i])):016x} {' '.join(float(n).hex() for n in numbers)}"
    if store.motion == "elastic":
        text += f" attenuation {ATTENUATION_VERSION}"
        text += f" dispersion {DISPERSION_VERSION}" if store.dispersive_order is not None else ""
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
