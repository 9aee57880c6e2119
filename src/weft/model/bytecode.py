"""Code as plain steps: what a function loads, stores and calls, the same on every version of Python."""

from __future__ import annotations

import dis
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from itertools import zip_longest
from types import CodeType

CODES_KEPT = 4096
"""Code objects whose steps are remembered."""


class Act(Enum):
    """What a step does."""

    GLOBAL = "load a global or builtin name"
    VARIABLE = "load a local or enclosing variable"
    ATTRIBUTE = "replace what was loaded by its attribute"
    IMPORT = "load a module"
    IMPORT_FROM = "load a name from the module that was loaded"
    BARE_CALL = "call what was loaded without arguments"
    KEEP = "store what was loaded in a variable"
    STORE_GLOBAL = "change a global name"
    STORE_ATTRIBUTE = "change an attribute of what was loaded"
    OTHER = "anything else: what was loaded is gone"


@dataclass(frozen=True, slots=True)
class Step:
    """One step; `called` says that what it loads is about to be called."""

    act: Act
    name: str
    line: int
    called: bool = False


INERT = frozenset({"CACHE", "COPY_FREE_VARS", "EXTENDED_ARG", "MAKE_CELL", "NOP", "PRECALL", "PUSH_NULL", "RESUME"})
ACTS = {
    "DELETE_ATTR": Act.STORE_ATTRIBUTE,
    "DELETE_GLOBAL": Act.STORE_GLOBAL,
    "IMPORT_FROM": Act.IMPORT_FROM,
    "LOAD_ATTR": Act.ATTRIBUTE,
    "LOAD_CLASSDEREF": Act.VARIABLE,
    "LOAD_DEREF": Act.VARIABLE,
    "LOAD_FROM_DICT_OR_DEREF": Act.VARIABLE,
    "LOAD_FROM_DICT_OR_GLOBALS": Act.GLOBAL,
    "LOAD_GLOBAL": Act.GLOBAL,
    "LOAD_METHOD": Act.ATTRIBUTE,
    "LOAD_NAME": Act.GLOBAL,
    "STORE_ATTR": Act.STORE_ATTRIBUTE,
    "STORE_DEREF": Act.KEEP,
    "STORE_FAST": Act.KEEP,
    "STORE_FAST_MAYBE_NULL": Act.KEEP,
    "STORE_GLOBAL": Act.STORE_GLOBAL,
}
PAIRS = {
    "LOAD_FAST_BORROW_LOAD_FAST_BORROW": (Act.VARIABLE, Act.VARIABLE),
    "LOAD_FAST_LOAD_FAST": (Act.VARIABLE, Act.VARIABLE),
    "STORE_FAST_LOAD_FAST": (Act.KEEP, Act.VARIABLE),
    "STORE_FAST_STORE_FAST": (Act.KEEP, Act.KEEP),
}
BEFORE_A_CALL = 1
"""The lowest bit of a load's argument says that it makes room for a call (of attributes, since 3.12)."""


@lru_cache(maxsize=CODES_KEPT)
def steps_of(code: CodeType) -> tuple[Step, ...]:
    """Return the steps of some code, nested functions left out.

    Source: the documentation of `dis` for CPython 3.11 to 3.14; where an instruction is not known, it is OTHER.
    """
    instructions = list(dis.get_instructions(code))
    found: list[Step] = []
    line = code.co_firstlineno
    for index, instruction in enumerate(instructions):
        positions = instruction.positions
        line = (positions.lineno if positions is not None else None) or line
        if instruction.opname not in INERT:
            found.extend(_steps(instructions, index, line))
    return tuple(_handed_on(found))


def nested_in(code: CodeType) -> Iterator[CodeType]:
    """Yield the code of functions, comprehensions and classes that stand in some code."""
    return (constant for constant in code.co_consts if isinstance(constant, CodeType))


def _steps(instructions: list[dis.Instruction], index: int, line: int) -> Iterator[Step]:
    instruction = instructions[index]
    name = instruction.opname
    if name in PAIRS:
        for act, variable in zip(PAIRS[name], instruction.argval, strict=True):
            yield Step(act, variable, line)
    elif name == "IMPORT_NAME":
        # `import a.b` loads a, `from a.b import c` loads a.b: the list of names before it tells which
        whole = instructions[index - 1].argval is not None
        yield Step(Act.IMPORT, instruction.argval if whole else instruction.argval.partition(".")[0], line)
    elif name in ACTS:
        yield Step(ACTS[name], str(instruction.argval), line, _is_called(instructions, index))
    elif name.startswith("LOAD_FAST"):
        yield Step(Act.VARIABLE, str(instruction.argval), line, _is_called(instructions, index))
    elif name == "CALL" and instruction.arg == 0:
        yield Step(Act.BARE_CALL, "", line)
    else:
        yield Step(Act.OTHER, "", line)


def _is_called(instructions: list[dis.Instruction], index: int) -> bool:
    instruction = instructions[index]
    name, around = instruction.opname, instructions[max(index - 1, 0) : index + 2]
    if name == "LOAD_METHOD" or any(each.opname == "PUSH_NULL" for each in around):
        return True
    marked = name == "LOAD_GLOBAL" or (name == "LOAD_ATTR" and _attributes_are_marked())
    return marked and bool((instruction.arg or 0) & BEFORE_A_CALL)


def _handed_on(steps: list[Step]) -> Iterator[Step]:
    """Let the attribute be called, where it is looked up on what room for a call was made for; 3.11 and 3.12 do so."""
    called = False
    for step, after in zip_longest(steps, steps[1:]):
        called = step.called or (called and step.act is Act.ATTRIBUTE)
        hands_on = after is not None and after.act is Act.ATTRIBUTE
        yield step if step.called == (called and not hands_on) else replace(step, called=called and not hands_on)


def _attributes_are_marked() -> bool:
    return "LOAD_METHOD" not in dis.opmap
