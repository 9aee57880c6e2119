"""Turn values into bytes and back: the only serialiser (JSON, strict on both ways)."""

from __future__ import annotations

from weft.codec.record import RecordCodec
from weft.codec.value import Codec, codec_for, fingerprint

__all__ = ["Codec", "RecordCodec", "codec_for", "fingerprint"]
