"""How many runs of a workflow are at work, over all and by key, against its limits."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from weft.model.queueing import AtOnce


@dataclass(slots=True)
class Places:
    """The places of one workflow, as everything that was decided leaves them, on disk or not."""

    limits: AtOnce
    keys: Counter[str] = field(default_factory=Counter[str])
    total: int = 0
    waiting: bool = False

    def has_room(self, key: str) -> bool:
        """Tell whether one more may begin."""
        return (self.limits.total is None or self.total < self.limits.total) and not self.is_full(key)

    def is_full(self, key: str) -> bool:
        """Tell whether a key has all its places."""
        return bool(key) and self.limits.each_key is not None and self.keys[key] >= self.limits.each_key

    def take(self, key: str) -> None:
        """Count one more at work."""
        self.keys[key] += 1
        self.total += 1

    def free(self, key: str) -> None:
        """Count one less."""
        self.total -= 1
        self.keys[key] -= 1
        if not self.keys[key]:
            del self.keys[key]
