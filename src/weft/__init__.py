"""weft (经纬): distributed microservices seen as workflows."""

from weft.errors import (
    CallFailed,
    DeclarationInvalid,
    InputInvalid,
    NotDone,
    OutcomeUnknown,
    RunCancelled,
    RunClosed,
    RunExists,
    RunFailed,
    RunNotFound,
    RunTerminated,
    ScopeClosed,
    SettingInvalid,
    StoreFailed,
    StoreOwned,
    Undone,
    ValueInvalid,
    WeftError,
)
from weft.flow.chance import random, uuid4
from weft.flow.messages import receive
from weft.flow.runs import Run, Runs
from weft.flow.saga import saga
from weft.flow.state import State
from weft.flow.time import now
from weft.host.host import Host
from weft.model.effect import compensated_by, idempotent, irreversible, read
from weft.model.message import Signal
from weft.model.operation import operation
from weft.model.refusal import Declined
from weft.model.service import Service
from weft.model.system import System
from weft.model.workflow import Workflow, workflow

__all__ = [
    "CallFailed",
    "DeclarationInvalid",
    "Declined",
    "Host",
    "InputInvalid",
    "NotDone",
    "OutcomeUnknown",
    "Run",
    "RunCancelled",
    "RunClosed",
    "RunExists",
    "RunFailed",
    "RunNotFound",
    "RunTerminated",
    "Runs",
    "ScopeClosed",
    "Service",
    "SettingInvalid",
    "Signal",
    "State",
    "StoreFailed",
    "StoreOwned",
    "System",
    "Undone",
    "ValueInvalid",
    "WeftError",
    "Workflow",
    "compensated_by",
    "idempotent",
    "irreversible",
    "now",
    "operation",
    "random",
    "read",
    "receive",
    "saga",
    "uuid4",
    "workflow",
]
