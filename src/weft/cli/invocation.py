"""What every command may be told: how to answer, and where the store and the settings are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from weft.cli import bulk_texts, texts

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(slots=True)
class Invocation:
    """What one command line said that all commands share.

    Attributes:
        json: whether stdout gets JSON for programs.
        engine: URL of the engine, stronger than the settings.
        settings: the settings file; nothing for `weft.toml` where it exists.
        who: who asks, for the record of a run; nothing for the user of this process.
        where: which runs are meant, in place of one that is named; nothing where it was not said.
        yes: whether to act on all of them without asking back.
        after: the cursor behind which to go on with them.
        no_wait: whether to leave without knowing that the engine has taken a request.
    """

    json: bool = False
    engine: str | None = None
    settings: Path | None = None
    who: str | None = None
    no_wait: bool = False
    where: str | None = None
    yes: bool = False
    after: str = ""


def _keep(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    """Return a callback that keeps an option's value, if it was given, where every command finds it."""

    def keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
        if context.get_parameter_source(parameter.name or "") is click.core.ParameterSource.COMMANDLINE:
            setattr(context.ensure_object(Invocation), name, value)

    return keep


def _option(*names: str, to: str, **options: Any) -> Callable[[F], F]:
    return click.option(*names, expose_value=False, callback=_keep(to), **options)


def common_options(function: F) -> F:
    """Give a command the options that all have."""
    function = _option("--json", to="json", is_flag=True, help=texts.JSON_OPTION)(function)
    file = click.Path(path_type=Path, dir_okay=False)
    function = _option("--settings", to="settings", type=file, metavar="FILE", help=texts.SETTINGS_OPTION)(function)
    return _option("--engine", to="engine", metavar="URL", help=texts.ENGINE_OPTION)(function)


def asking_options(function: F) -> F:
    """Give a command the options of those that ask something of a running engine."""
    function = _option("--no-wait", to="no_wait", is_flag=True, help=texts.NO_WAIT_OPTION)(function)
    return _option("--who", to="who", metavar="NAME", help=texts.WHO_OPTION)(function)


def bulk_options(function: F) -> F:
    """Give a command the options of those that act on all runs that a query means."""
    function = _option("--after", to="after", metavar="CURSOR", help=bulk_texts.BULK_AFTER_OPTION)(function)
    function = _option("--yes", to="yes", is_flag=True, help=bulk_texts.YES_OPTION)(function)
    return _option("--where", to="where", metavar="QUERY", help=bulk_texts.BULK_WHERE_OPTION)(function)
