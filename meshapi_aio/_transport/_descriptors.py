"""How many connections the process can have: each takes one of its descriptors."""

import warnings


try:
    import resource
except ImportError:  # Windows knows no such limit
    resource = None  # type: ignore[assignment] # mypy sees the module alone


__all__ = ["connections_allowed", "descriptor_limit"]

# As many as openai-python's default, so that moving here lowers nobody's ceiling. aiohttp's own default of
# 100 is the hidden ceiling that users of such clients meet most often.
_MOST = 1000
_OTHERS = 24  # the process's own files: standard streams, logs, the loop's, a few of the program's


def descriptor_limit() -> int | None:
    """Return the process's soft limit on descriptors, None where there is none."""
    if resource is None:
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


def connections_allowed(asked: int | None, limit: int | None) -> int:
    """
    Return the bound on connections: what was asked for, else a default that fits the limit on descriptors.

    What was asked for and does not fit is taken and warned of (``RuntimeWarning``), since the limit may be
    raised later, and few of the connections may come to be open at once.
    """
    if asked is None:
        return _MOST if limit is None else max(1, min(_MOST, limit - _OTHERS))
    if isinstance(asked, bool) or not isinstance(asked, int) or asked < 1:
        msg = f"max_connections must be a whole number of at least 1, got {asked!r}"
        raise ValueError(msg)
    if limit is not None and limit < asked:
        warnings.warn(
            f"max_connections={asked} is more than the {limit} descriptors that this process may have; "
            "raise the limit (ulimit -n), or lower max_connections",
            RuntimeWarning,
            stacklevel=4,
        )
    return asked
