"""Certificate authorities of the tests' own, and what servers and clients on 127.0.0.1 need of them."""

import datetime as dt
import functools
import ssl

import trustme


__all__ = [
    "tls_asking_context",
    "tls_client_context",
    "tls_expired_context",
    "tls_foreign_context",
    "tls_known_client_context",
    "tls_server_context",
    "tls_strange_client_context",
    "tls_wrong_name_context",
]


@functools.cache
def _authority() -> trustme.CA:
    return trustme.CA()


@functools.cache
def _stranger() -> trustme.CA:
    return trustme.CA()


def _server_context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


@functools.cache
def tls_server_context() -> ssl.SSLContext:
    """Return the context of a server on 127.0.0.1 or localhost, signed by the local authority."""
    return _server_context(_authority().issue_cert("127.0.0.1", "localhost"))


@functools.cache
def tls_expired_context() -> ssl.SSLContext:
    """Return that of one whose certificate ran out long ago."""
    long_ago = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    month = dt.timedelta(days=30)
    return _server_context(
        _authority().issue_cert("127.0.0.1", not_before=long_ago - month, not_after=long_ago)
    )


@functools.cache
def tls_wrong_name_context() -> ssl.SSLContext:
    """Return that of one whose certificate is for another host."""
    return _server_context(_authority().issue_cert("gateway.example"))


@functools.cache
def tls_foreign_context() -> ssl.SSLContext:
    """Return that of one which an authority signed that nobody trusts."""
    return _server_context(_stranger().issue_cert("127.0.0.1"))


def tls_asking_context() -> ssl.SSLContext:
    """Return that of one which asks its clients for certificates of the local authority."""
    context = _server_context(_authority().issue_cert("127.0.0.1"))
    context.verify_mode = ssl.CERT_REQUIRED
    _authority().configure_trust(context)
    return context


@functools.cache
def tls_client_context() -> ssl.SSLContext:
    """Return the context of a client that trusts the local authority."""
    context = ssl.create_default_context()
    _authority().configure_trust(context)
    return context


@functools.cache
def tls_known_client_context() -> ssl.SSLContext:
    """Return that of one which has a certificate of the local authority, too."""
    context = ssl.create_default_context()
    _authority().configure_trust(context)
    _authority().issue_cert("client@example.org").configure_cert(context)
    return context


@functools.cache
def tls_strange_client_context() -> ssl.SSLContext:
    """Return that of one whose certificate is of an authority that nobody trusts."""
    context = ssl.create_default_context()
    _authority().configure_trust(context)
    _stranger().issue_cert("client@example.org").configure_cert(context)
    return context
