"""What the tests of the execution share: a way to begin a run that checks, at the end, that it survives any crash."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest

from tests.engine.execution.driver import Begin, Driver, Settings, crash_everywhere
from weft.model.workflow import Workflow


@pytest.fixture
def begin() -> Iterator[Begin]:
    """Yield a function that begins a run; when the test ends, each run is crashed everywhere and evicted."""
    drivers: list[Driver] = []

    def _begin(flow: Workflow[Any, Any], **settings: Any) -> Driver:
        driver = Driver(flow, Settings(**settings)).start()
        drivers.append(driver)
        return driver

    yield _begin
    for driver in drivers:
        crash_everywhere(driver)
        assert driver.evict() == []
    drivers.clear()
    gc.collect()  # what a run leaves behind complains in the test that left it
