"""
The tests.

A package, so that its modules find each other (``from tests.tree import ...``) however pytest is started.
"""
