"""Servers that are wrong on purpose, and the tests that a client survives them."""
