"""The Python blocks of a page of documentation, as one module that keeps the page's line numbers."""

import re
from dataclasses import dataclass

FENCE = re.compile(r"^(?P<indent> *)(?P<ticks>`{3,})\s*(?P<language>[\w+-]*)")
NOT_RUN = re.compile(r"^\s*<!-- no-run: (?P<reason>\S.*?) *-->\s*$")
RUN = "python"


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, its lines, the number of its first line, and why it is not run, if so."""

    language: str
    lines: tuple[str, ...]
    start: int
    excuse: str = ""


def blocks(text: str) -> list[Block]:
    """Return the fenced blocks of a page in order; a block is excused by `<!-- no-run: reason -->` just above it."""
    found: list[Block] = []
    fence: re.Match[str] | None = None
    gathered: list[str] = []
    excuse = ""
    for number, line in enumerate(text.splitlines(), 1):
        mark = FENCE.match(line)
        if fence is None:
            if mark is not None:
                fence, gathered = mark, []
            elif line.strip():
                above = NOT_RUN.match(line)
                excuse = above["reason"] if above else ""
        elif mark is not None and mark["ticks"] == fence["ticks"] and not mark["language"]:
            found.append(Block(fence["language"], tuple(gathered), number - len(gathered), excuse))
            fence, excuse = None, ""
        else:
            gathered.append(line.removeprefix(fence["indent"]))
    return found


def module_of(text: str) -> str:
    """Return the page as a Python module: its blocks that run, at their own lines, and nothing else."""
    lines = [""] * len(text.splitlines())
    for block in blocks(text):
        if block.language == RUN and not block.excuse:
            lines[block.start - 1 : block.start - 1 + len(block.lines)] = block.lines
    return "\n".join(lines).strip("\n") and "\n".join(lines) + "\n"
