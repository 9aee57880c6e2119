"""Identifiers and where they come from: the system's randomness, or a seed."""

from __future__ import annotations

import os
from hashlib import blake2b
from typing import Protocol

ID_BYTES = 16


class Ids(Protocol):
    """Mint identifiers and seeds that never repeat."""

    def new_id(self) -> str:
        """Return 32 hexadecimal characters."""
        ...

    def new_seed(self) -> bytes:
        """Return 16 bytes."""
        ...


class SystemIds:
    """Identifiers from the system's randomness, read a block at a time."""

    def __init__(self) -> None:
        self._block = b""
        self._used = 0

    def new_id(self) -> str:
        """Return 32 hexadecimal characters."""
        return self.new_seed().hex()

    def new_seed(self) -> bytes:
        """Return 16 random bytes."""
        if self._used >= len(self._block):
            self._block = os.urandom(ID_BYTES * 64)
            self._used = 0
        start = self._used
        self._used += ID_BYTES
        return self._block[start : start + ID_BYTES]


class SeededIds:
    """Identifiers that a seed decides, for tests that repeat."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._count = 0

    def new_id(self) -> str:
        """Return 32 hexadecimal characters."""
        return self.new_seed().hex()

    def new_seed(self) -> bytes:
        """Return the next 16 bytes of the seed's sequence."""
        self._count += 1
        return digest(f"{self._seed}/{self._count}".encode())


def digest(data: bytes) -> bytes:
    """Return 16 bytes that depend on every bit of the data (BLAKE2b)."""
    return blake2b(data, digest_size=ID_BYTES).digest()
