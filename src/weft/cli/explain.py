"""`weft explain CODE`: the page about an error, from the package itself, with or without a network."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

import click

from weft.cli import exits, texts
from weft.cli.invocation import Invocation, common_options
from weft.cli.output import is_terminal, put, put_json

HERE = Path(__file__).resolve()
FOLDERS = (HERE.parents[1] / "pages" / "errors", HERE.parents[3] / "docs" / "errors")
"""Where the pages lie: in the installed package, in a checkout."""

PREFIX = "WEFT-E"
_WRITTEN = re.compile(r"(?i)^(?:weft[-_ ]?)?e?[-_ ]?(\d+)$")


@click.command("explain", help=texts.EXPLAIN, epilog=texts.EXPLAIN_EXAMPLES)
@click.argument("code", required=False)
@common_options
@click.pass_obj
def command(invocation: Invocation, /, *, code: str | None) -> int:
    """Print the page about an error, or the list of all."""
    pages = find_pages()
    if code is None:
        _list(pages, as_json=invocation.json)
        return exits.FINE
    found = read_code(code)
    if found not in pages:
        near = difflib.get_close_matches(found, pages, n=1, cutoff=0.0)
        text = texts.NO_CODE_NEAR if near else texts.NO_CODE
        raise click.UsageError(text.format(code=code, near="".join(near)))
    page = pages[found].read_text("utf-8")
    if invocation.json:
        put_json({"code": found, "title": title_of(page, found), "text": page})
    elif is_terminal():
        import_module("weft.cli.terminal").print_page(page)
    else:
        put(page.rstrip("\n"))
    return exits.FINE


def find_pages() -> dict[str, Path]:
    """Return the pages by code, in order."""
    folder = next((each for each in FOLDERS if each.is_dir()), None)
    return {} if folder is None else {each.stem: each for each in sorted(folder.glob(f"{PREFIX}*.md"))}


def read_code(text: str) -> str:
    """Return a code in full, however it was written: `e201`, `E201`, `201`, `weft-e201`."""
    found = _WRITTEN.match(text.strip())
    return f"{PREFIX}{found[1]}" if found else text.strip().upper()


def title_of(page: str, code: str) -> str:
    """Return what a page's first line says beside the code."""
    return page.partition("\n")[0].removeprefix(f"# {code}").strip(" :·—-")


def _list(pages: Mapping[str, Path], *, as_json: bool) -> None:
    for code, path in pages.items():
        title = title_of(path.read_text("utf-8"), code)
        if as_json:
            put_json({"code": code, "title": title})
        else:
            put(f"{code}  {title}")
