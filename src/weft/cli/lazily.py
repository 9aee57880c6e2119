"""Groups whose commands are imported when they are used: help and mistakes answer at once."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from weft.cli import texts

COMMAND = "command"
"""What a command is called in its module, where the table names no other."""


class LazyGroup(click.Group):
    """A group that knows where its commands are and what they do, and imports only the one that is used.

    Args:
        commands_at: by name, `module` or `module:attribute`, and one line of help.
    """

    def __init__(self, *, commands_at: Mapping[str, tuple[str, str]], **options: Any) -> None:
        super().__init__(**options)
        self._commands_at = commands_at

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        del ctx
        return list(self._commands_at)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        del ctx
        if cmd_name not in self._commands_at:
            return None
        module, _, attribute = self._commands_at[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute or COMMAND)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or tell the nearest one."""
        if args[0] not in self._commands_at and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], self._commands_at, n=1)
            text = texts.NO_COMMAND_NEAR if near else texts.NO_COMMAND
            names = near[0] if near else ", ".join(self._commands_at)
            raise click.UsageError(text.format(name=args[0], names=names), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        del ctx
        with formatter.section(texts.COMMANDS):
            formatter.write_dl([(name, short) for name, (_, short) in self._commands_at.items()])
