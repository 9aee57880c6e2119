"""The connection to a Temporal server: made, and its namespace looked at, before anything is asked of it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.converter import DataConverter
from temporalio.service import RPCError, RPCStatusCode

from weft.engine.errors import EngineUnreachable, NamespaceMissing
from weft.engine.temporal.attributes import Registered
from weft.engine.temporal.credentials import tls_of
from weft.engine.temporal.target import Target


async def connect(target: Target, converter: DataConverter) -> tuple[Client, Registered]:
    """Return a client of the namespace, and the search attributes that it has.

    Raises:
        EngineUnreachable: nothing answers there.
        NamespaceMissing: there is no such namespace, or no access to it.
        AttributesMissing: it lacks weft's search attributes, and they cannot be added from here.
    """
    client = await meet(target, converter)
    return client, await _look_at_attributes(client)


async def meet(target: Target, converter: DataConverter) -> Client:
    """Return a client of the namespace, which is left as it is.

    Raises:
        CredentialsInvalid: a certificate or key cannot be read.
        EngineUnreachable: nothing answers there.
        NamespaceMissing: there is no such namespace, or no access to it.
    """
    security = target.security
    try:
        client = await Client.connect(
            target.address,
            namespace=target.namespace,
            data_converter=converter,
            tls=tls_of(security),
            api_key=security.api_key or None,
        )
    except (RuntimeError, ValueError) as error:
        what = f"Temporal at {target.address} cannot be reached: {security.without_secrets(str(error))}"
        raise EngineUnreachable(what) from None  # what it was made from may hold the key
    await _look_at_namespace(client, target)
    return client


async def _look_at_namespace(client: Client, target: Target) -> None:
    try:
        await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=target.namespace))
    except RPCError as error:
        if error.status in {RPCStatusCode.NOT_FOUND, RPCStatusCode.PERMISSION_DENIED}:
            what = f"Temporal at {target.address} has no namespace {target.namespace!r} for us: {error.message}"
            raise NamespaceMissing(what) from error
        raise unreachable(error) from error


async def _look_at_attributes(client: Client) -> Registered:
    registered = Registered(client)
    try:
        await registered.look()
    except RPCError as error:
        raise unreachable(error) from error
    return registered


def unreachable(error: RPCError) -> EngineUnreachable:
    """Return a failed request as weft's error."""
    return EngineUnreachable(f"Temporal did not answer: {error.status.name.lower()}: {error.message}")


@contextmanager
def asking() -> Generator[None]:
    """Turn a request that failed for no reason of its own into weft's error.

    Raises:
        EngineUnreachable: the server did not answer.
    """
    try:
        yield
    except RPCError as error:
        raise unreachable(error) from error
