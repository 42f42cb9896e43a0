"""Configs of model folders as earlier versions wrote them, brought into the present form.

Keys that came later have defaults which mean what was done before there was a choice: a folder without `rise_time_s`
was trained on sources of 0.1 s, one without `jumps` knows none, one without `keep_below_hz` or `noise_correlation`
restores the whole band from independent noise. Those need nothing here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def present_form(values: Mapping[str, Any]) -> dict[str, Any]:
    """The contents of a `config.json` of any version, in the present form."""
    return dict(values)
