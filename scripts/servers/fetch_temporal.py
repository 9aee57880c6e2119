"""Let Temporal's Python SDK fetch the Temporal CLI into a folder, and print where it lies."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from temporalio.testing import WorkflowEnvironment


async def fetch(folder: str) -> None:
    """Start the SDK's own server once, which brings it, and stop it again."""
    async with await WorkflowEnvironment.start_local(download_dest_dir=folder):
        pass


if __name__ == "__main__":
    place = Path(sys.argv[1])
    place.mkdir(parents=True, exist_ok=True)
    asyncio.run(fetch(str(place)))
    print(next(each for each in sorted(place.iterdir()) if each.is_file()))
