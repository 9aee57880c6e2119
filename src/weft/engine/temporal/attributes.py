"""Attributes of runs as Temporal's search attributes; one that the namespace lacks is added when it is first used."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from temporalio import workflow
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.service import RPCError, RPCStatusCode

from weft.engine.errors import AttributesMissing
from weft.engine.temporal.naming import STATUS, TENANT
from weft.model.attribute import Attributed, Kind

log = logging.getLogger("weft.engine")

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OWN = {STATUS.name: Kind.KEYWORD, TENANT.name: Kind.KEYWORD}

_KEYS: dict[Kind, Any] = {
    Kind.KEYWORD: SearchAttributeKey.for_keyword,
    Kind.INT: SearchAttributeKey.for_int,
    Kind.DOUBLE: SearchAttributeKey.for_float,
    Kind.BOOL: SearchAttributeKey.for_bool,
    Kind.DATETIME: SearchAttributeKey.for_datetime,
    Kind.KEYWORD_LIST: SearchAttributeKey.for_keyword_list,
}
_TYPES = {
    Kind.KEYWORD: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    Kind.INT: IndexedValueType.INDEXED_VALUE_TYPE_INT,
    Kind.DOUBLE: IndexedValueType.INDEXED_VALUE_TYPE_DOUBLE,
    Kind.BOOL: IndexedValueType.INDEXED_VALUE_TYPE_BOOL,
    Kind.DATETIME: IndexedValueType.INDEXED_VALUE_TYPE_DATETIME,
    Kind.KEYWORD_LIST: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST,
}


def _key(attribute: Attributed) -> Any:
    return _KEYS[Kind(attribute.kind)](attribute.name)


def _value(attribute: Attributed) -> Any:
    """Return the value as Temporal's SDK takes it; nothing for none."""
    kind = Kind(attribute.kind)
    if kind is Kind.KEYWORD_LIST:
        return list(attribute.values) or None
    if not attribute.values:
        return None
    value = attribute.values[0]
    if kind is Kind.BOOL:
        return bool(value)
    if kind is Kind.DATETIME:
        return EPOCH + timedelta(microseconds=int(value))
    return float(value) if kind is Kind.DOUBLE else value


def search_attributes(tenant: str, attributes: Iterable[Attributed]) -> TypedSearchAttributes | None:
    """Return what a run is found by from its start on; nothing for nothing."""
    pairs: list[SearchAttributePair[Any]] = [SearchAttributePair(TENANT, tenant)] if tenant else []
    pairs += [SearchAttributePair(_key(each), value) for each in attributes if (value := _value(each)) is not None]
    return TypedSearchAttributes(pairs) if pairs else None


def show(attribute: Attributed) -> None:
    """Let the run that executes be found by a value, or no more by it."""
    key, value = _key(attribute), _value(attribute)
    cast("Any", workflow).upsert_search_attributes([key.value_unset() if value is None else key.value_set(value)])


class Registered:
    """The search attributes that a namespace has, as far as this process knows."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._loop = asyncio.get_running_loop()
        self._known: set[str] = set()

    async def look(self) -> None:
        """Find out which there are, and add weft's own.

        Raises:
            AttributesMissing: they may not be added from here.
            RPCError: the server does not answer.
        """
        found = await self._client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=self._client.namespace)
        )
        self._known |= set(found.custom_attributes)
        await self.add(OWN)

    async def ensure(self, attributes: Iterable[Attributed]) -> None:
        """Add what the namespace lacks of these.

        Raises:
            AttributesMissing: they may not be added from here.
        """
        await self.add({each.name: Kind(each.kind) for each in attributes})

    async def add(self, kinds: dict[str, Kind]) -> None:
        """Add what the namespace lacks of these names."""
        missing = {name: kind for name, kind in kinds.items() if name not in self._known}
        if not missing:
            return
        request = AddSearchAttributesRequest(
            namespace=self._client.namespace, search_attributes={name: _TYPES[kind] for name, kind in missing.items()}
        )
        try:
            await self._client.operator_service.add_search_attributes(request)
        except RPCError as error:
            if error.status is not RPCStatusCode.ALREADY_EXISTS:
                what = f"the namespace {self._client.namespace!r} lacks {', '.join(missing)}: {error.message}"
                raise AttributesMissing(what) from error
        self._known |= set(missing)

    def require(self, attribute: Attributed) -> None:
        """Let a run go on only if the namespace has an attribute; from a run's thread.

        Its workflow task fails, and is done again by the server when the attribute has been added meanwhile.

        Raises:
            AttributesMissing: it has to be added first.
        """
        if attribute.name in self._known:
            return
        asyncio.run_coroutine_threadsafe(self._add_later(attribute), self._loop)
        what = f"the namespace lacks the search attribute {attribute.name}, which is being added"
        raise AttributesMissing(what)

    async def _add_later(self, attribute: Attributed) -> None:
        try:
            await self.ensure([attribute])
        except AttributesMissing as error:
            log.error("runs stand still: %s", error)  # noqa: TRY400 - the error says it all
