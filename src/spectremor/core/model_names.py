"""Names of the models that ship: what they were called before, and what old files call them."""

from __future__ import annotations

#: What is told to who asks for a former name.
FORMER_NAMES = {"default": "simulation, the present name of the model that was called default"}
#: Digests of all weights that shipped under a former name, and the present name of such a model. One shipped under both
#: names: the operator alone, then diffusion.
_SHIPPED_BEFORE = {
    "7f35fe6e4987": "simulation",
    "64e2659baa41": "simulation",
    "1d2aca9705fc": "simulation",
    "e8d3a261cc40": "simulation",
    "52758a9a965b": "hybrid",
    "bdcda4a8aa7f": "hybrid",
    "6b98dd92adeb": "hybrid",
    "ee5d4a04e46f": "mifno",
}
#: Digests of the models that shipped while a digest was one of the files' bytes, by the digest of what they hold: such
#: a model goes by the former, which wavefields have recorded.
_DIGESTS_BEFORE = {"d1ad2d4c6f15": "7f35fe6e4987", "8843b0f2ad01": "52758a9a965b"}


def recorded_digest(digest: str) -> str:
    """The digest by which wavefields know a model.

    Args:
        digest: of what the model holds.

    Example:
        >>> recorded_digest("d1ad2d4c6f15"), recorded_digest("0123456789ab")
        ('7f35fe6e4987', '0123456789ab')
    """
    return _DIGESTS_BEFORE.get(digest, digest)


def present_model_id(model_id: str) -> str:
    """A model's name and digest as they are written today.

    Args:
        model_id: as a file records it. Only models that shipped are renamed: a person's own may have any name.

    Example:
        >>> present_model_id("default@7f35fe6e4987"), present_model_id("default@0123456789ab")
        ('simulation@7f35fe6e4987', 'default@0123456789ab')
    """
    name, _, digest = model_id.partition("@")
    if name in ("default", "mifno") and digest in _SHIPPED_BEFORE:
        return f"{_SHIPPED_BEFORE[digest]}@{digest}"
    return model_id
