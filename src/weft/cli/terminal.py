"""What a terminal gets that a pipe does not: colours, tables that fit its width. Imported only where there is one."""

from __future__ import annotations

import os
from collections.abc import Sequence

from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table
from rich.text import Text

from weft.cli import texts
from weft.cli.visiting import SeenRun
from weft.engine.embedded.store import RunRow
from weft.model.run import RunStatus

STYLES = {
    RunStatus.RUNNING: "cyan",
    RunStatus.WAITING: "blue",
    RunStatus.NEEDS_ATTENTION: "bold yellow",
    RunStatus.BLOCKED: "bold magenta",
    RunStatus.COMPLETED: "green",
    RunStatus.FAILED: "red",
    RunStatus.CANCELLED: "dim",
    RunStatus.TERMINATED: "dim red",
}

WHOLE = (False, False, True, True, True, True, False)
"""Which columns of a list are never broken."""

KINDS = {"call": "cyan", "undo": "yellow", "end": "bold", "cancel": "red", "operator": "magenta"}


def _console() -> Console:
    # Rich takes NO_COLOR to leave bold and dim; whoever sets it mostly wants no escape sequence at all.
    return Console(color_system=None) if os.environ.get("NO_COLOR") else Console()


def print_runs(rows: Sequence[RunRow | SeenRun], cells: Sequence[Sequence[str]]) -> None:
    """Print a table of runs.

    Args:
        rows: the runs.
        cells: what each line shows of them.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title, whole in zip(texts.LIST_COLUMNS, WHOLE, strict=True):
        table.add_column(title, overflow="fold", no_wrap=whole)
    for row, line in zip(rows, cells, strict=True):
        styles = ["", "", STYLES[RunStatus(row.status)], "", "", "", "dim"]
        table.add_row(*(Text(cell, style) for cell, style in zip(line, styles, strict=True)))
    _console().print(table)


def print_timeline(lines: Sequence[tuple[str, str, str]]) -> None:
    """Print the lines of a story, each as time, kind and text; what is too long goes on below itself."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(justify="right", no_wrap=True, style="dim")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for time, kind, text in lines:
        table.add_row(time, Text(kind, KINDS.get(kind, "")), Text(text))
    _console().print(table)


def print_page(text: str) -> None:
    """Print a page of documentation."""
    _console().print(Markdown(text))
