"""What holds for every test."""

from hypothesis import settings


# A deadline is a timing assertion, and a busy machine fails it. The active profile is the parent, so that
# what hypothesis sets by itself under CI=true (no example database, the same examples in every run) stays.
settings.register_profile("meshapi_aio", parent=settings(), deadline=None)
settings.load_profile("meshapi_aio")
