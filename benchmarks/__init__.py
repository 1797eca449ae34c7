"""
What the client costs, measured against other ways to do the same; README.md holds the method and the figures.

Every program here runs by itself (``python -m benchmarks.stream --help``), and all of them through
``python -m benchmarks.report``.
"""
