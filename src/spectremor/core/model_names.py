"""Former names of the models that ship with the package, and the names and digests that old files record."""

from __future__ import annotations

#: What an error says is allowed when a former name is asked for.
FORMER_NAMES = {"default": "simulation, the present name of the model that was called default"}
#: Digests of all weights that shipped under a former name, and the model's present name. The weights of `mifno` (the
#: operator alone, then diffusion) shipped under both names.
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
#: A digest is taken of a model's contents; it used to be taken of the files' bytes. For models that shipped with such a
#: former digest: the present digest and the former one, which stays in use because wavefields have recorded it.
_DIGESTS_BEFORE = {"d1ad2d4c6f15": "7f35fe6e4987", "8843b0f2ad01": "52758a9a965b"}


def recorded_digest(digest: str) -> str:
    """The digest by which wavefields refer to a model.

    Args:
        digest: digest of the model's contents.

    Example:
        >>> recorded_digest("d1ad2d4c6f15"), recorded_digest("0123456789ab")
        ('7f35fe6e4987', '0123456789ab')
    """
    return _DIGESTS_BEFORE.get(digest, digest)


def present_model_id(model_id: str) -> str:
    """A model's present name and its digest.

    Args:
        model_id: "name@digest", as a file records it. Only shipped models are renamed: users may choose any name.

    Example:
        >>> present_model_id("default@7f35fe6e4987"), present_model_id("default@0123456789ab")
        ('simulation@7f35fe6e4987', 'default@0123456789ab')
    """
    name, _, digest = model_id.partition("@")
    if name in ("default", "mifno") and digest in _SHIPPED_BEFORE:
        return f"{_SHIPPED_BEFORE[digest]}@{digest}"
    return model_id
