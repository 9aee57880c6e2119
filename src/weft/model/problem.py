"""One thing wrong with a declaration: where, what, and what to do."""

from __future__ import annotations

from dataclasses import dataclass

DECLARED_WRONGLY = "WEFT-E101"
NOT_DETERMINISTIC = "WEFT-E203"


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem found while a System is built; `where` is `file:line`, `code` names the page that explains the rule."""

    where: str
    what: str
    remedy: str
    code: str = DECLARED_WRONGLY

    def __str__(self) -> str:
        """Render as: place, what is wrong, and below it what to do."""
        marked = self.what if self.code == DECLARED_WRONGLY else f"{self.what} ({self.code})"
        return f"{self.where}: {marked}\n    do: {self.remedy}"
