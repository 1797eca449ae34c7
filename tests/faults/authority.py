"""A certificate authority of the tests' own, and what servers and clients on 127.0.0.1 need of it."""

import functools
import ssl

import trustme


__all__ = ["tls_client_context", "tls_server_context"]


@functools.cache
def _authority() -> trustme.CA:
    return trustme.CA()


@functools.cache
def tls_server_context() -> ssl.SSLContext:
    """Return the context of a server on 127.0.0.1 or localhost, signed by the local authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _authority().issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context


@functools.cache
def tls_client_context() -> ssl.SSLContext:
    """Return the context of a client that trusts that authority."""
    context = ssl.create_default_context()
    _authority().configure_trust(context)
    return context
