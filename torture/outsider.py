"""The second process: it reads beside the engine, signals, cancels, retries and terminates, and closes the basket."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from random import Random

from torture.basket import Close, Nudge
from torture.life import Life, orders_of, others_of
from torture.services import BASKET
from torture.stories import Decision, Hurry
from weft import Signal
from weft.clock import SystemClock
from weft.codec import codec_for
from weft.engine.embedded.requests import Request, append_request
from weft.engine.embedded.store import Store
from weft.errors import SettingInvalid, StoreFailed

ACTS = 20
PAUSE_S = 0.05
LIST_LIMIT = 50
REACHED = ("signal", "signal", "signal", "cancel", "retry", "terminate")


def meddle(folder: Path, life: Life, chance: Random) -> None:
    """Do what people do, until every run but the basket has ended, and close that."""
    path = folder / "engine.db"
    done = 0
    while not (folder / "settled").exists():
        time.sleep(chance.uniform(0, PAUSE_S))
        if done < ACTS:
            try:
                _act(path, life, chance, number=done)
            except (SettingInvalid, StoreFailed):
                continue  # there is no store yet, or half of one: nobody has been told that there is
            done += 1
    _append(path, "signal", ("basket", BASKET), body=_body(Close()))


def _act(path: Path, life: Life, chance: Random, *, number: int) -> None:
    with closing(Store.open(path, system="market", owner=False)) as store:
        store.list_runs(limit=LIST_LIMIT)
        kept = store.find("basket", BASKET)
        if kept is None:
            raise SettingInvalid("the basket has not begun")
    act = chance.choice(REACHED)
    order = chance.choice(orders_of(life))
    if act == "signal":
        key = f"nudge by hand {number}"
        _append(path, act, ("basket", BASKET), body=_body(Nudge(key)))
        with (path.parent / "acknowledged").open("a") as file:
            file.write(f"{key}\n")
        _append(path, act, ("packing", f"box {order.key}"), body=_body(Hurry()))
        _append(path, act, ("approval", "approval 0"), body=_body(Decision("hand")))
    elif act == "terminate":
        naps = [order.key for flow, order in others_of(life) if flow.name == "nap"]
        _append(path, act, ("nap", chance.choice(naps)))
    else:
        _append(path, act, ("purchase", order.key))


def _body(signal: Signal) -> bytes:
    return type(signal).__name__.encode() + b"\n" + codec_for(type(signal)).encode(signal)


def _append(path: Path, kind: str, run: tuple[str, str], *, body: bytes = b"") -> None:
    append_request(path, Request(*run, kind, body, "somebody", "because", SystemClock().now_ms()))
