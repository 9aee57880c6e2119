"""continue_as_new: go on with an empty journal, for runs that live for years."""

from __future__ import annotations

from typing import NoReturn, cast

from weft.flow.ambient import CurrentRun, running


def continue_as_new(input: object, /) -> NoReturn:  # noqa: A002 - the model's word
    """End this generation of the run and begin the next, with another input and an empty journal.

    What was shown as State, messages not yet received and a cancellation that came meanwhile go over in order; `result`
    waits for the last generation. It raises what is no Exception: nothing after it is executed.

    Raises:
        ContinuationRefused: inside a saga, while effects have not come to rest, or in a task that the workflow made.
        LimitExceeded: the input is too large.
    """
    cast("CurrentRun", running("continue_as_new()")).continue_as_new(input)


def journal_nearly_full() -> bool:
    """Tell whether the journal of this generation has four fifths of the entries that it may have.

    It depends on nothing but the count of entries and the limit that held when the generation began.
    """
    full: bool = running("journal_nearly_full()").journal_nearly_full()
    return full
