"""The command line: `weft run`, `weft runs`, `weft doctor`, `weft explain`."""

from __future__ import annotations

from weft.cli.program import main

__all__ = ["main"]
