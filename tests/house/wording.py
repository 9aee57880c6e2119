"""What no text of the repository may say, and what two texts must say alike: rules about words."""

import ast
import re
from collections.abc import Iterator

from tests.house.repository import ROOT, Source

# The patterns are put together from pieces, so that this file does not find itself.
MARKS = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b(?!\(\w[\w.@ -]*\))")
MACHINE_PATHS = re.compile(r"(?<![\w.~$}/-])/(?:ro" + r"ot|wo" + r"rk|ho" + r"me|Us" + r"ers)(?=/|\b)/[\w.]")
REGISTRIES = re.compile(
    r"\b(?:py" + r"pi\.org|pythonhosted\.org|repo1?\.maven\.org|maven\.apache\.org/repo|proxy\.golang\.org"
    r"|registry\.npmjs\.org|deb\.debian\.org|crates\.io|rubygems\.org)\b"
)
CODE = re.compile(r"WEFT-E\d+")
FENCE = re.compile(r"^(`{3,})\s*([\w-]*)")
TRANSLATED = frozenset({"mermaid", "text", ""})


def tasks_without_owner(source: Source) -> Iterator[str]:
    """Find tasks that nobody will do."""
    yield from _lines_with(source, MARKS, "a task names its owner: " + "TO" + "DO(name): ...")


def machine_paths(source: Source) -> Iterator[str]:
    """Find absolute paths of somebody's machine."""
    yield from _lines_with(source, MACHINE_PATHS, "an absolute path of one machine")


def registry_hosts(source: Source) -> Iterator[str]:
    """Find hosts of package registries: which one is used is the installer's setting."""
    yield from _lines_with(source, REGISTRIES, "the host of a package registry")


def _lines_with(source: Source, pattern: re.Pattern[str], complaint: str) -> Iterator[str]:
    for number, line in enumerate(source.lines, 1):
        if pattern.search(line):
            yield f"{source.path}:{number}: {complaint}"


def error_codes(source: Source) -> Iterator[tuple[str, str]]:
    """Yield each error code that a class of the file carries, with its place."""
    for each in ast.walk(source.tree):
        if isinstance(each, ast.ClassDef):
            for node in each.body:
                match node:
                    case (
                        ast.Assign(targets=[ast.Name(id="code")], value=ast.Constant(value=str(code)))
                        | ast.AnnAssign(target=ast.Name(id="code"), value=ast.Constant(value=str(code)))
                    ) if CODE.fullmatch(code):
                        yield code, source.at(node)
                    case _:
                        continue


def skeleton(text: str) -> list[str]:
    """Return what two translations of a page share: headings, lists, tables, links and code, in order, no words."""
    bones: list[str] = []
    fence, language = "", ""
    for line in text.splitlines():
        mark = FENCE.match(line)
        if fence:
            if mark and mark.group(1) == fence and not mark.group(2):
                fence = ""
            elif language not in TRANSLATED:
                bones.append(f"code: {line}")
            else:
                bones.append(f"a line of {language or 'text'}")
        elif mark:
            fence, language = mark.groups()
            bones.append(f"block: {language or 'text'}")
        else:
            bones += _bones_of_prose(line)
    return bones


def dead_links(source: Source) -> Iterator[str]:
    """Find links of a page to files that are not there."""
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", source.text):
        if "://" not in target and not (ROOT / source.path).parent.joinpath(target).exists():
            yield f"{source.path}: links to {target}, which is not there"


def _bones_of_prose(line: str) -> Iterator[str]:
    if heading := re.match(r"#+ ", line):
        yield f"heading: {heading.group().count('#')}"
    elif item := re.match(r"(\s*)([-*]|\d+\.) ", line):
        yield f"item: {len(item.group(1))}"
    elif line.startswith("|"):
        yield f"row: {line.count('|')}"
    elif line.startswith("<!--"):
        yield f"remark: {line.split(':', maxsplit=1)[0].strip()}"
    yield from (f"link: {target}" for target in re.findall(r"\]\(([^)]+)\)", line) if "README" not in target)
