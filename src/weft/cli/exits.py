"""Exit codes, the same for every command, and the one that an error stands for."""

from __future__ import annotations

from weft.engine.errors import (
    AttributesMissing,
    CredentialsInvalid,
    EngineCannot,
    EngineUnreachable,
    ExtraMissing,
    NamespaceMissing,
    WorkersUnknown,
)
from weft.errors import (
    BackupRefused,
    CursorInvalid,
    InputInvalid,
    QueryInvalid,
    ScheduleInvalid,
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

_ENVIRONMENT = (
    *(BackupRefused, SettingInvalid, StoreFailed, StoreNewer, StoreOfOtherSystem, StoreOwned),
    *(AttributesMissing, EngineCannot, EngineUnreachable, ExtraMissing, NamespaceMissing),
    *(CredentialsInvalid, WorkersUnknown),
)


class WrongUse(SettingInvalid):
    """Tell that the command line names what is not there: a target or a workflow."""


def wrong_use(error: SettingInvalid) -> WrongUse:
    """Return an error about a name as one of the command line, where the name was said."""
    return WrongUse(error.what, where=error.where, remedy=error.advice)


def code_of(error: WeftError) -> int:
    """Return the exit code for an error that ended a command."""
    if isinstance(error, (WrongUse, InputInvalid, ValueInvalid, QueryInvalid, CursorInvalid, ScheduleInvalid)):
        return USAGE
    return ENVIRONMENT if isinstance(error, _ENVIRONMENT) else FINDING
