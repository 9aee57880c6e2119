"""Exit codes, the same for every command, and the one that an error stands for."""

from __future__ import annotations

from weft.errors import (
    InputInvalid,
    SettingInvalid,
    StoreFailed,
    StoreNewer,
    StoreOfOtherSystem,
    StoreOwned,
    ValueInvalid,
    WeftError,
)

FINE = 0
FINDING = 1
"""Something was found or a run did not end well."""
USAGE = 2
"""The command line or its input is wrong."""
ENVIRONMENT = 3
"""The store, the disk or a setting."""
INTERRUPTED = 130
"""Ctrl-C before there was anything to drain."""

_ENVIRONMENT = (SettingInvalid, StoreFailed, StoreNewer, StoreOfOtherSystem, StoreOwned)
_USAGE = (InputInvalid, ValueInvalid)


def code_of(error: WeftError) -> int:
    """Return the exit code for an error that ended a command."""
    if isinstance(error, _ENVIRONMENT):
        return ENVIRONMENT
    return USAGE if isinstance(error, _USAGE) else FINDING
