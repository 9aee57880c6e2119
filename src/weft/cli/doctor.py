"""`weft doctor`: looks at everything a System stands on, and says what is wrong and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from weft.cli import checkup, exits, texts
from weft.cli.checkup import Check
from weft.cli.checkup_temporal import check_server
from weft.cli.configured import settings_of
from weft.cli.databases import check_databases
from weft.cli.invocation import Invocation, common_options
from weft.cli.output import put, put_json, shown
from weft.cli.target import load_system
from weft.errors import SettingInvalid, WeftError
from weft.model.system import System


@click.command("doctor", help=texts.DOCTOR, epilog=texts.DOCTOR_EXAMPLES)
@click.argument("target", required=False)
@common_options
@click.pass_obj
def command(invocation: Invocation, /, *, target: str | None) -> int:
    """Check the interpreter, the disk, the store, the settings and, where one is named, the System."""
    checks = list(_checks(invocation, target))
    if invocation.json:
        wrong = any(each.status == "wrong" for each in checks)
        put_json({"status": "wrong" if wrong else "ok", "checks": [_described(each) for each in checks]})
    else:
        _print(checks)
    return _code(checks)


def _checks(invocation: Invocation, target: str | None) -> Iterator[Check]:
    yield checkup.check_python()
    yield checkup.check_sqlite()
    yield from checkup.check_packages()
    health = None
    try:
        settings = settings_of(invocation)
    except SettingInvalid as error:
        place = f" ({error.where})" if error.where else ""
        yield Check("settings", "wrong", f"{error.what}{place}", error.advice)
    else:
        yield checkup.check_settings(settings)
        if settings.is_temporal:
            yield from check_server(settings)
        else:
            store, health = checkup.check_store(settings.engine_path)
            yield store
            yield from checkup.check_disk(settings.engine_path)
        yield from check_databases(settings)
    yield checkup.check_clock(health)
    if target is not None:
        yield checkup.check_system(_system(target), health)


def _system(target: str) -> System | WeftError:
    try:
        return load_system(target)
    except WeftError as error:
        return error


def _described(check: Check) -> dict[str, str]:
    return {"name": check.name, "status": check.status, "what": check.what, "do": check.remedy}


def _print(checks: Sequence[Check]) -> None:
    width = max(len(each.name) for each in checks)
    for each in checks:
        first, *rest = shown(each.what).splitlines()
        put(f"{each.status:<5}  {each.name:<{width}}  {first}")
        indent = " " * (width + 9)
        for line in rest:
            put(f"{indent}{line}")
        if each.remedy:
            put(f"{indent}{texts.DO.format(remedy=shown(each.remedy))}")


def _code(checks: Sequence[Check]) -> int:
    wrong = [each for each in checks if each.status == "wrong"]
    if any(each.environment for each in wrong):
        return exits.ENVIRONMENT
    if any(each.misused for each in wrong):
        return exits.USAGE
    return exits.FINDING if wrong else exits.FINE
