"""Where on Earth the local metres lie: `spectremor.core.georeference`, under the name it has in exchange."""

from spectremor.core.georeference import Georeference

__all__ = ["Georeference"]
