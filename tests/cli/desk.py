"""A small office whose runs end well, are undone, wait for people, or get stuck: what the command line is shown on."""

# ruff: noqa: ARG002, T201 - what an operation takes is kept in the journal, used or not; services may print

from __future__ import annotations

from dataclasses import dataclass

from weft import (
    Declined,
    Service,
    Signal,
    System,
    Update,
    compensated_by,
    continue_as_new,
    idempotent,
    irreversible,
    operation,
    receive,
    saga,
    workflow,
)


@dataclass(frozen=True)
class Letter:
    """What is sent, and how often it is stamped."""

    id: str
    stamps: int = 1


class NoStamps(Declined):
    """There are not that many stamps."""

    asked: int


class Approval(Signal):
    """Somebody decided."""

    approved: bool
    by: str


class Add(Update[int], raises=NoStamps):
    """Put stamps into the drawer, and be told how many there are."""

    stamps: int


class Post(Service):
    """Stamps, and a box that nothing comes out of again."""

    @operation(idempotent)
    async def unstamp(self, letter_id: str, stamps: int) -> None:
        """Take the stamps off again."""

    @operation(compensated_by(unstamp))
    async def stamp(self, letter_id: str, stamps: int) -> int:
        """Put stamps on."""
        print(f"stamping {letter_id}")
        return stamps * 85

    @operation(idempotent, raises=NoStamps)
    async def weigh(self, letter_id: str, stamps: int) -> None:
        """Refuse what needs more stamps than there are."""
        if stamps > 3:
            raise NoStamps(stamps)

    @operation(irreversible)
    async def drop(self, letter_id: str) -> str:
        """Drop the letter into the box, which may jam."""
        if letter_id.startswith("jam"):
            what = "the box is jammed"
            raise OSError(what)
        return f"dropped {letter_id}"


@workflow
async def send(letter: Letter, *, post: Post) -> int:
    """Stamp a letter and weigh it."""
    async with saga():
        cents = await post.stamp(letter.id, letter.stamps)
        await post.weigh(letter.id, letter.stamps)
    return cents


@workflow
async def approve(letter: Letter, *, post: Post) -> str:
    """Wait until somebody decides."""
    async with saga():
        await post.stamp(letter.id, letter.stamps)
        approval = await receive(Approval)
    return f"{approval.approved} by {approval.by}"


@workflow
async def drop(letter: Letter, *, post: Post) -> str:
    """Do what cannot be undone."""
    return await post.drop(letter.id)


@workflow
async def drawer(stamps: int) -> int:
    """Keep stamps, a generation for each time that some come; three come too many, and twelve are forgotten."""
    add = await receive(Add)
    if add.stamps == 3:
        add.refuse(NoStamps(add.stamps))
    elif add.stamps != 12:
        add.answer(stamps + add.stamps)
    if add.stamps == 99:
        return stamps
    return continue_as_new(stamps + add.stamps)


@workflow(at_once=1)
async def sign(letter: Letter) -> str:
    """Wait for the one pen there is, and then for somebody who holds it."""
    return f"{letter.id} by {(await receive(Approval)).by}"


desk = System("desk", services=[Post], workflows=[send, approve, drop, drawer, sign])
