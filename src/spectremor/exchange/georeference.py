"""`Georeference` of `spectremor.core.georeference`, importable from the exchange package too."""

from spectremor.core.georeference import Georeference

__all__ = ["Georeference"]
