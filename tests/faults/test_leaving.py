"""Ten thousand calls are left at random points, in every way: their callers see that, and nothing stays."""

import random

import pytest

from .leaving import BATCH, run_batch


CALLS = 10_000
LOOPS = ("debug", "uvloop")


@pytest.mark.parametrize("batch", range(CALLS // BATCH // (2 * len(LOOPS))))
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("loop", LOOPS)
def test_leaving_at_random_points(loop: str, tls: bool, batch: int) -> None:
    """
    Promises 8 and 9: only CancelledError, the user's own TimeoutError or the closing error is seen.

    Counts of cancellations are right, nothing is sent twice, the pool holds nothing that was left, the next
    call succeeds, the server has seen every close, and no task, timer, descriptor or warning is left. Each
    batch is another one in each run; a failure says how to repeat it.
    """
    run_batch(loop, tls=tls, seed=random.getrandbits(32))
