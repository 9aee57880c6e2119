"""JSON as people type it: what is wrong is said with its column, and what has no exact form is refused."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from weft.cli import texts


class NotJson(Exception):
    """A text is not JSON; `what` says why, `line` where."""

    def __init__(self, what: str, *, line: int = 1) -> None:
        super().__init__(what)
        self.what = what
        self.line = line


def read_json(text: str) -> Any:
    """Parse one JSON value.

    Raises:
        NotJson: It is none, or holds what no other program would read: NaN, half a character, endless nesting.
    """
    try:
        value = json.loads(text, parse_constant=_refuse)
        json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        more = texts.ONE_VALUE if error.msg == "Extra data" else ""
        raise NotJson(texts.NOT_JSON.format(reason=error.msg, column=error.colno) + more, line=error.lineno) from None
    except UnicodeEncodeError:
        raise NotJson(texts.HALF_CHARACTER) from None
    except RecursionError:
        raise NotJson(texts.TOO_DEEP) from None
    except ValueError as error:  # a number of thousands of digits
        raise NotJson(str(error)) from None
    return value


def _refuse(constant: str) -> NoReturn:
    raise NotJson(texts.NO_CONSTANT.format(constant=constant))
