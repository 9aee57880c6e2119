"""Names that go to disk and into ids: what they may be."""

from __future__ import annotations

from weft.model.problem import Problem

NAME_CHARACTERS = 100
"""The longest name: ids are made of names, and engines keep ids in columns and headers."""

SEPARATORS = "/>#~"
"""What ids put between names."""

RESERVED = "weft."
"""What the names of weft's own services begin with."""


def judge_name(name: object, kind: str, where: str) -> list[Problem]:
    """Find what is wrong with the name of a thing of some kind."""
    what = _fault(name)
    if not what:
        return []
    remedy = f"give it a name of 1 to {NAME_CHARACTERS} printable characters without any of {' '.join(SEPARATORS)}"
    return [Problem(where, f"the {kind}'s name {name!r} {what}", remedy)]


def _fault(name: object) -> str:
    if not isinstance(name, str):
        return "is no string"
    if not name.strip():
        return "is empty"
    if len(name) > NAME_CHARACTERS:
        return f"has {len(name)} characters, more than {NAME_CHARACTERS}"
    found = next((each for each in SEPARATORS if each in name), "")
    if found:
        return f"contains {found!r}, which separates the parts of an id"
    if not name.isprintable() or name != name.strip():
        return "begins or ends with a space, or has characters that cannot be seen"
    if name.startswith(RESERVED):
        return f"begins with {RESERVED!r}, which is kept for weft's own"
    return ""


def judge_unique(named: list[tuple[str, str]], kind: str) -> list[Problem]:
    """Find names that two things of one kind share; `named` is pairs of name and place."""
    first: dict[str, str] = {}
    found: list[Problem] = []
    for name, where in named:
        if name in first:
            what = f"two {kind}s are named {name!r}: the other one is at {first[name]}"
            found.append(Problem(where, what, f"give one of them another name=; a {kind}'s name goes to disk"))
        else:
            first[name] = where
    return found
