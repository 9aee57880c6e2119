"""Messages of a run on Temporal: told once over all its generations, and answered."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from temporalio.exceptions import ApplicationError

from weft.engine.execution.commands import UpdateAnswered
from weft.engine.execution.entries import Told
from weft.engine.execution.inbox import Received
from weft.engine.temporal.payloads import KnownNote, ToldNote, payload
from weft.errors import WeftError
from weft.flow.messages import check_message
from weft.model.message import Answer

log = logging.getLogger("weft.engine")

KNOWN_LIMIT = 500
KNOWN_BYTES = 256 * 1024
"""How many answers, and bytes of them, go over to the next generation."""

CONTINUED = "weft.continued"
"""The failure of an update that went over to the next generation: whoever asked asks again."""

REFUSED = "weft.refused"
"""The first detail of a failed update that the run refused."""

UNANSWERED = "RunClosed"
"""The failure of an update that will have no answer."""


class Messages:
    """What a run was told under ids that may come again, what it answered, and who waits for answers."""

    def __init__(self, loop: asyncio.AbstractEventLoop, known: Sequence[KnownNote]) -> None:
        self._loop = loop
        self._answers: dict[str, Answer | None] = {
            each.id: None if each.data is None else Answer(each.data.encode(), each.refusal) for each in known
        }
        self._waiting: dict[str, list[asyncio.Future[Answer]]] = {}
        self._earlier = frozenset(self._answers)
        self._signals = 0
        self.updates = 0

    @property
    def signals(self) -> int:
        """Return how many signals this generation got."""
        return self._signals

    def signal(self, kind: str, data: bytes, message_id: str) -> Told | None:
        """Return what a signal tells, or nothing where it was told before or cannot be read."""
        self._signals += 1
        if not message_id:
            message_id = f"signal/{self._signals}"
        elif message_id in self._answers:
            return None
        else:
            self._answers[message_id] = None
        try:
            check_message(kind, data)
        except WeftError as error:
            # It must not fail the run that receives it, and there is nobody to be told: it is in the history.
            log.warning("a signal %s was dropped: %s", kind, error)
            return None
        return Told(kind, data, message_id)

    async def ask(self, told: Told, tell: Callable[[Told], None]) -> Answer:
        """Tell an update, unless it was told before, and return its answer."""
        self.updates += 1
        known = self._answers.get(told.id)
        if known is not None:
            return known
        if told.id in self._earlier:
            raise _unanswered("it continued as new without an answer")
        first = told.id not in self._answers
        self._answers.setdefault(told.id, None)
        answered: asyncio.Future[Answer] = self._loop.create_future()
        self._waiting.setdefault(told.id, []).append(answered)
        if first:
            # Not from within this task: a run's loop is stepped from plain callbacks.
            self._loop.call_soon(tell, told)
        return await answered

    def carry(self, message_id: str) -> None:
        """Note a message that came over: who asked it asks again, and is not told a second time."""
        self._answers[message_id] = None
        self._earlier -= {message_id}

    def answered(self, said: UpdateAnswered) -> None:
        """Give an answer to whoever waits for it."""
        answer = Answer(said.data, said.refusal)
        self._answers[said.id] = answer
        for waiting in self._waiting.pop(said.id, ()):
            if not waiting.done():
                waiting.set_result(answer)

    def close(self, why: str) -> None:
        """Tell everybody who waits that there will be no answer."""
        for waiting in self._take_waiting():
            waiting.set_exception(_unanswered(why))

    def go_over(self, left: Sequence[Received]) -> tuple[tuple[ToldNote, ...], tuple[KnownNote, ...]]:
        """Return what the next generation is given: messages not received, and what is known of earlier ones."""
        carried = tuple(ToldNote(kind, data.decode(), message_id) for kind, data, message_id in left)
        kept = {each.id for each in carried}
        for message_id in [each for each in self._waiting if each in kept]:
            for waiting in self._waiting.pop(message_id):
                if not waiting.done():
                    error = ApplicationError("the run continued as new: ask again", type=CONTINUED, non_retryable=True)
                    waiting.set_exception(error)
        self.close("it continued as new without an answer")
        return carried, tuple(self._known(kept))

    def _known(self, kept: set[str]) -> list[KnownNote]:
        found: list[KnownNote] = []
        left = KNOWN_BYTES
        for message_id, answer in reversed(self._answers.items()):
            if message_id in kept:
                continue
            note = KnownNote(
                message_id, None if answer is None else answer.data.decode(), answer.refusal if answer else ""
            )
            left -= len(message_id) + len(note.data or "")
            if left < 0 or len(found) >= KNOWN_LIMIT:
                break
            found.append(note)
        return found[::-1]

    def _take_waiting(self) -> list[asyncio.Future[Answer]]:
        waiting = [each for futures in self._waiting.values() for each in futures if not each.done()]
        self._waiting.clear()
        return waiting


def _unanswered(why: str) -> ApplicationError:
    return ApplicationError(f"the run ended without an answer: {why}", type=UNANSWERED, non_retryable=True)


def refusal_of(answer: Answer) -> ApplicationError:
    """Return a refusal as the failure of an update."""
    return ApplicationError(
        f"refused: {answer.refusal}", payload(answer.data), REFUSED, type=answer.refusal, non_retryable=True
    )
