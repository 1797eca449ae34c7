"""Where a process runs, and how many descriptors it may have."""

import os
import resource


__all__ = ["settle"]

_DESCRIPTORS = 65_536  # more than 5,000 streams need; without a bound, some systems refuse


def settle(core: int | None) -> bool:
    """Raise the limit on descriptors, and stay on this core; return whether the system allows the latter."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    bound = _DESCRIPTORS if most == resource.RLIM_INFINITY else min(most, _DESCRIPTORS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (bound, most))
    if core is None or not hasattr(os, "sched_setaffinity"):
        return False
    os.sched_setaffinity(0, {core})
    return True
