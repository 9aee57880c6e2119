"""What is true of PostgreSQL only is tested on one."""

from __future__ import annotations

import pytest


@pytest.fixture
def url(postgresql_url: str) -> str:
    """Return the URL of the database of a test."""
    return postgresql_url
