"""Certificates and codecs of a connection, loaded when it is made."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path

from temporalio.converter import DataConverter, PayloadCodec
from temporalio.service import TLSConfig

from weft.engine.errors import CredentialsInvalid
from weft.engine.temporal.security import Security


def tls_of(security: Security) -> TLSConfig | bool:
    """Return how the connection is encrypted; false for not at all.

    Raises:
        CredentialsInvalid: a file cannot be read.
    """
    if not security.encrypted:
        return False
    return TLSConfig(
        server_root_ca_cert=_file("server_ca", security.server_ca),
        domain=security.server_name or None,
        client_cert=_file("cert", security.cert),
        client_private_key=_file("key", security.key),
    )


def _file(name: str, path: str) -> bytes | None:
    if not path:
        return None
    try:
        return Path(path).read_bytes()
    except OSError as error:
        what = f"temporal.{name} cannot be read: {path}: {error.strerror}"
        raise CredentialsInvalid(what) from error


def converter_of(security: Security) -> DataConverter:
    """Return how payloads are written: Temporal's own way, through the codec where one is named.

    Raises:
        CredentialsInvalid: there is no such codec.
    """
    if not security.codec:
        return DataConverter.default
    module, _, name = security.codec.partition(":")
    try:
        found: object = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        what = f"temporal.codec {security.codec!r} cannot be loaded: {error}"
        raise CredentialsInvalid(what) from error
    codec = found if isinstance(found, PayloadCodec) or not callable(found) else found()
    if not isinstance(codec, PayloadCodec):
        what = f"temporal.codec {security.codec!r} is no PayloadCodec of temporalio, and makes none"
        raise CredentialsInvalid(what)
    return replace(DataConverter.default, payload_codec=codec)
