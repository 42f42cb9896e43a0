"""How much memory this process may use."""

from __future__ import annotations

import contextlib
import os
import resource
from pathlib import Path

#: Where Linux states the limit of the container or job that this process runs in.
_GROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def present_bytes() -> int:
    """The memory of this machine, or the lower limit that a container, a job or `ulimit -v` sets for this process."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in _GROUP_LIMITS:
        # Absent on other systems; "max" where there is no limit.
        with contextlib.suppress(OSError, ValueError):
            limits.append(int(path.read_text()))
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY:
        limits.append(soft)
    return min(limits)
