"""The version, in the one place where it is written; holds nothing else and imports nothing."""

__version__ = "0.1.0"
