"""Tests of meshapi_aio.fanout."""
