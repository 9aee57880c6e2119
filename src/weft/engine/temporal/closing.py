"""Runs that are closed with the run that started them, where that one continues as new: Temporal closes them then."""

from __future__ import annotations

from collections.abc import Iterable
from types import CodeType
from typing import Any

from weft.engine.errors import EngineCannot
from weft.engine.execution.program import Program
from weft.flow.continuing import continue_as_new
from weft.model.reach import Reach
from weft.model.symbols import Known, plain_function
from weft.model.workflow import Workflow

OPTION = "on_close"
CLOSING = frozenset({"cancel", "terminate"})


def check_closing(programs: Iterable[Program]) -> None:
    """Raise if a workflow continues as new and starts runs that are to be closed with it.

    For Temporal a generation is an execution of its own, and what it has started is closed when it ends; on the
    embedded engine that is left to the last generation. Words that are put together at run time are not seen here.

    Raises:
        EngineCannot: one does.
    """
    for program in programs:
        flow = program.spec.workflow
        word = _closes(flow)
        if word:
            what = (
                f"workflow {flow.name} continues as new and starts runs with {OPTION}={word!r}, which Temporal would "
                "close with each generation"
            )
            remedy = f'start them with {OPTION}="abandon", or stay on the embedded engine'
            raise EngineCannot(what, where=flow.where, remedy=remedy)


def _closes(flow: Workflow[Any, Any]) -> str:
    """Return how a workflow that continues as new closes what it starts; empty where it does neither."""
    found = plain_function(flow.function)
    continues, word = False, ""
    for sight in Reach().sights(found[0], name=flow.name) if found is not None else ():
        symbol = sight.use.symbol
        continues = continues or (isinstance(symbol, Known) and symbol.value is continue_as_new)
        if sight.use.called and sight.use.text.endswith(".start"):
            word = word or _word_in(sight.names.code)
    return word if continues else ""


def _word_in(code: CodeType) -> str:
    """Return the word that some code hands over as the option; empty where it has none."""
    constants: tuple[object, ...] = code.co_consts
    if not any(isinstance(each, tuple) and OPTION in each for each in constants):
        return ""
    return next((each for each in constants if isinstance(each, str) and each in CLOSING), "")
