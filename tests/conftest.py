"""What holds for every test."""

import os

from hypothesis import settings


# A deadline is a timing assertion, and a busy machine fails it. The active profile is the parent, so that
# what hypothesis sets by itself under CI=true (no example database, the same examples in every run) stays.
settings.register_profile("meshapi_aio", parent=settings(), deadline=None)
settings.register_profile("long", parent=settings(), deadline=None, max_examples=2_000)
settings.load_profile(os.environ.get("MESHAPI_AIO_HYPOTHESIS", "meshapi_aio"))
