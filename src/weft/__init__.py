"""weft (经纬): distributed microservices seen as workflows."""

from weft.errors import (
    AttributeInvalid,
    CallFailed,
    DeclarationInvalid,
    InputInvalid,
    NotDone,
    OutcomeUnknown,
    QueryInvalid,
    RunCancelled,
    RunClosed,
    RunExists,
    RunFailed,
    RunNotFound,
    RunOpen,
    RunTerminated,
    ScheduleDeclared,
    ScheduleExists,
    ScheduleInvalid,
    ScheduleNotFound,
    ScopeClosed,
    SettingInvalid,
    StoreFailed,
    StoreOwned,
    Undone,
    ValueInvalid,
    WeftError,
)
from weft.flow.attribute import Attribute
from weft.flow.calls import this_call
from weft.flow.chance import random, uuid4
from weft.flow.continuing import continue_as_new, journal_nearly_full
from weft.flow.messages import receive
from weft.flow.patches import deprecate_patch, patched
from weft.flow.runs import Run, Runs
from weft.flow.saga import saga
from weft.flow.scheduled import occurrence
from weft.flow.state import State
from weft.flow.time import now
from weft.host.host import Host
from weft.model.effect import compensated_by, idempotent, irreversible, read
from weft.model.message import Signal, Update
from weft.model.offering import offers
from weft.model.operation import operation
from weft.model.policy import Retention
from weft.model.refusal import Declined
from weft.model.schedule import Occurrence, Overlap, Schedule
from weft.model.service import Service
from weft.model.system import System
from weft.model.timing import at, cron, every
from weft.model.workflow import Workflow, workflow

__all__ = [
    "Attribute",
    "AttributeInvalid",
    "CallFailed",
    "DeclarationInvalid",
    "Declined",
    "Host",
    "InputInvalid",
    "NotDone",
    "Occurrence",
    "OutcomeUnknown",
    "Overlap",
    "QueryInvalid",
    "Retention",
    "Run",
    "RunCancelled",
    "RunClosed",
    "RunExists",
    "RunFailed",
    "RunNotFound",
    "RunOpen",
    "RunTerminated",
    "Runs",
    "Schedule",
    "ScheduleDeclared",
    "ScheduleExists",
    "ScheduleInvalid",
    "ScheduleNotFound",
    "ScopeClosed",
    "Service",
    "SettingInvalid",
    "Signal",
    "State",
    "StoreFailed",
    "StoreOwned",
    "System",
    "Undone",
    "Update",
    "ValueInvalid",
    "WeftError",
    "Workflow",
    "at",
    "compensated_by",
    "continue_as_new",
    "cron",
    "deprecate_patch",
    "every",
    "idempotent",
    "irreversible",
    "journal_nearly_full",
    "now",
    "occurrence",
    "offers",
    "operation",
    "patched",
    "random",
    "read",
    "receive",
    "saga",
    "this_call",
    "uuid4",
    "workflow",
]
