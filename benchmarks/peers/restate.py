"""Restate: its server as it comes, on the same disk, and the five-step handler as its documentation writes one."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import restate
from hypercorn.asyncio import serve
from hypercorn.config import Config

from benchmarks.floor import STEPS, work
from benchmarks.peers.present import RESTATE_SERVER

READY_WITHIN_S = 60.0
LOOK_EVERY_S = 0.1
HEALTHY = 200
MOST_CONNECTIONS = 2_048

steps = restate.Service("steps")


@steps.handler()
async def five(ctx: restate.Context, value: int) -> int:
    """Do five steps, each on the disk before the next begins."""
    for _ in range(STEPS):
        value = await ctx.run_typed("work", work, value=value)
    return value


class Restate:
    """A Restate server, asked through its ingress as any client asks."""

    def __init__(self, client: aiohttp.ClientSession, ingress: str) -> None:
        self._client = client
        self._ingress = ingress

    async def run(self, run_id: str, value: int) -> int:
        """Run five steps durably and return the last one's result."""
        headers = {"idempotency-key": run_id}
        async with self._client.post(f"{self._ingress}/steps/five", json=value, headers=headers) as answer:
            answer.raise_for_status()
            return int(await answer.json())


@asynccontextmanager
async def open_restate(folder: Path) -> AsyncIterator[Restate]:
    """Start the server on free ports, serve the handler from this process, and introduce the two."""
    ingress, admin, node, endpoint = (f"127.0.0.1:{port}" for port in _free_ports(4))
    server = subprocess.Popen(  # noqa: ASYNC220 - nothing else runs yet
        [os.environ[RESTATE_SERVER], "--base-dir", str(folder / "restate")],
        env={
            **os.environ,
            "RESTATE_INGRESS__BIND_ADDRESS": ingress,
            "RESTATE_ADMIN__BIND_ADDRESS": admin,
            "RESTATE_BIND_ADDRESS": node,
            "RESTATE_ADVERTISED_ADDRESS": f"http://{node}",
            "RESTATE_LISTEN_MODE": "tcp",
            "RESTATE_DISABLE_TELEMETRY": "true",
            "RESTATE_LOG_FILTER": "error",
        },
        stdout=subprocess.DEVNULL,  # it looks for a cluster at each start, and says that there is none
        stderr=subprocess.DEVNULL,
    )
    config = Config()
    config.bind = [endpoint]
    config.loglevel = "ERROR"
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(restate.app([steps]), config, shutdown_trigger=stop.wait))
    try:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=MOST_CONNECTIONS)) as client:
            await _healthy(client, f"http://{admin}/health")
            deployed = await client.post(f"http://{admin}/deployments", json={"uri": f"http://{endpoint}"})
            deployed.raise_for_status()
            yield Restate(client, f"http://{ingress}")
    finally:
        stop.set()
        await serving
        server.terminate()
        server.wait()


async def _healthy(client: aiohttp.ClientSession, url: str) -> None:
    async with asyncio.timeout(READY_WITHIN_S):
        while True:
            with suppress(aiohttp.ClientError):
                async with client.get(url) as answer:
                    if answer.status == HEALTHY:
                        return
            await asyncio.sleep(LOOK_EVERY_S)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
