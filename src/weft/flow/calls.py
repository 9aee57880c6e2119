"""this_call: what an operation may know of the call that it answers."""

from __future__ import annotations

from weft.errors import OutsideCall
from weft.flow.ambient import current_call
from weft.model.call import Call


def this_call() -> Call:
    """Return the call that the operation answers: its id, attempt, tenant, principal and trace.

    `effect_id` is the key to give to whoever does the effect elsewhere, a payment provider for example: it is the same
    for each attempt, after each crash, and for the undo of the call, and different for every other call.

    Raises:
        OutsideCall: no operation is executing here.
    """
    current = current_call.get()
    if current is None:
        raise OutsideCall("this_call() works inside an operation only")
    return current.call
