"""The settings of a command, and the store that they name, opened for reading."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

from weft.cli import visit_texts
from weft.cli.invocation import Invocation
from weft.engine.embedded.store import Store
from weft.engine.errors import EngineCannot
from weft.host.settings import Settings, load_settings, masked


def settings_of(invocation: Invocation) -> Settings:
    """Return the settings: defaults, weft.toml, variables, then the command line.

    Raises:
        SettingInvalid: A name is not known, or a value cannot be used.
    """
    return load_settings(file=invocation.settings, engine=invocation.engine)


@contextmanager
def reading(invocation: Invocation) -> Generator[tuple[Store, Path]]:
    """Open the store beside whoever owns it, and tell where it is.

    Raises:
        SettingInvalid: There is no store.
        StoreNewer, StoreFailed: It cannot be read.
        EngineCannot: The runs are kept by a server, and this command cannot ask one.
    """
    settings = settings_of(invocation)
    if settings.is_temporal:
        what = visit_texts.NO_FILE.format(engine=masked(settings.engine))
        raise EngineCannot(what, remedy=visit_texts.NO_FILE_REMEDY)
    path = settings.engine_path
    with closing(Store.open(path, system=None, owner=False)) as store:
        yield store, path
