"""Kill the shop's demo and its Temporal server at random moments, and show that nothing was lost or done twice.

A demo on the embedded engine, which nobody disturbs, says how every order has to end. Then the same orders run on a
Temporal server of their own: the process that works on them is killed with SIGKILL again and again, and started again;
in between the server is killed too, and started on the same file and the same port while the demo is at work. In the
end the orders, their endings, the money and the fingerprint of the books have to be those of the embedded engine.

    .venv/bin/python scripts/kill_temporal.py --kills 20 --server-kills 2 --seed 1
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

ROOT = Path(__file__).parents[1]
SERVER = ROOT / "scripts" / "servers" / "temporal.sh"
LONGEST_DEMO_S = 900
SOONEST_KILL_S, LATEST_KILL_S = 1.0, 6.0
KEYS = ("orders", "outcomes", "net", "fingerprint")


@dataclass(slots=True)
class Count:
    """What was done, and what was found wrong."""

    kills: int = 0
    server_kills: int = 0
    lives: int = 0
    wrong: list[str] = field(default_factory=list[str])


class Server:
    """A Temporal server on a file of its own, which keeps its port when it is killed and started again."""

    def __init__(self, folder: Path) -> None:
        self._state = folder
        self._port = ""
        self.address = ""

    def start(self) -> None:
        """Start it and wait until it is healthy."""
        port = ["--port", self._port] if self._port else []
        command = [str(SERVER), "start", "--state", str(self._state), *port]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"no Temporal server: {done.stderr.strip()}")
        self.address = done.stdout.splitlines()[-1]
        self._port = self.address.rpartition(":")[2]

    def kill(self) -> None:
        """End it with SIGKILL, and start it again."""
        pid = int((self._state / "pid").read_text())
        os.kill(pid, signal.SIGKILL)
        while Path(f"/proc/{pid}/stat").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]:
            time.sleep(0.05)  # real sleep: the process is leaving, and its port and file with it
        (self._state / "pid").unlink()
        self.start()

    def stop(self) -> None:
        """End it in order."""
        subprocess.run([str(SERVER), "stop", "--state", str(self._state)], capture_output=True, check=False)


def main() -> int:
    """Kill as often as was asked for and compare; 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="how often to kill the worker (default: 20)")
    parser.add_argument("--server-kills", type=int, default=2, help="how often to kill the server (default: 2)")
    parser.add_argument("--seed", type=int, default=1, help="decides when to kill, and which faults there are")
    parser.add_argument("--orders", type=int, default=200, help="orders of the demo (default: 200)")
    parser.add_argument("--faults", type=float, default=0.1, help="fraction of attempts (default: 0.1)")
    parser.add_argument("--json", action="store_true", help="end with one object on the last line")
    options = parser.parse_args()
    demo = ["--orders", str(options.orders), "--faults", str(options.faults), "--seed", str(options.seed)]
    chance = random.Random(options.seed)  # noqa: S311 - a moment to kill, not a secret
    count = Count()
    with tempfile.TemporaryDirectory(prefix="weft-kill-") as folder:
        embedded = survive(Path(folder) / "embedded", demo, engine="")
        say(f"embedded: {summary(embedded)}")
        server = Server(Path(folder) / "server")
        server.start()
        try:
            found = torment(Path(folder) / "store", demo, chance, server=server, count=count, options=options)
        finally:
            server.stop()
        say(f"temporal: {summary(found)}")
        judge(found, embedded, count)
    return conclude(count, as_json=options.json)


def torment(
    store: Path, demo: list[str], chance: random.Random, *, server: Server, count: Count, options: argparse.Namespace
) -> dict[str, Any]:
    """Run the demo to its end; kill it, and the server beneath it, for as long as kills are left."""
    engine = f"temporal://{server.address}/default"
    fates = ["worker"] * options.kills + ["server"] * options.server_kills
    chance.shuffle(fates)
    life = begin(store, demo, engine)
    count.lives += 1
    for fate in fates:
        try:
            life.wait(chance.uniform(SOONEST_KILL_S, LATEST_KILL_S))
        except subprocess.TimeoutExpired:
            pass
        else:
            count.wrong.append(f"the demo ended before all kills were done ({count.kills}): give it more --orders")
            return ending(life)
        if fate == "server":
            server.kill()
            count.server_kills += 1
            continue
        os.killpg(life.pid, signal.SIGKILL)
        life.communicate()
        count.kills += 1
        life = begin(store, demo, engine)
        count.lives += 1
    return ending(life)


def begin(store: Path, demo: list[str], engine: str) -> subprocess.Popen[str]:
    """Start the demo, or carry it on."""
    command = [sys.executable, "-m", "examples.shop.demo", "--store", str(store), "--json", *demo]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("WEFT_")}
    if engine:
        environ["WEFT_ENGINE"] = engine
    out, talk = subprocess.PIPE, subprocess.DEVNULL
    return subprocess.Popen(command, cwd=ROOT, env=environ, start_new_session=True, text=True, stdout=out, stderr=talk)


def ending(life: subprocess.Popen[str]) -> dict[str, Any]:
    """Wait for the end of a demo and return what it says."""
    output, _ = life.communicate(timeout=LONGEST_DEMO_S)
    lines = output.splitlines()
    if not lines:
        raise SystemExit(f"the demo ended with {life.returncode} and said nothing")
    return cast("dict[str, Any]", json.loads(lines[-1]))


def survive(store: Path, demo: list[str], *, engine: str) -> dict[str, Any]:
    """Run a demo that nobody disturbs."""
    return ending(begin(store, demo, engine))


def judge(found: dict[str, Any], embedded: dict[str, Any], count: Count) -> None:
    """Compare the demo that was killed with the one on the embedded engine."""
    if found["books"] != "balanced":
        count.wrong.append(f"the books are broken: {found['problems']}")
    for key in KEYS:
        if found[key] != embedded[key]:
            count.wrong.append(f"{key} is {found[key]}, on the embedded engine it is {embedded[key]}")


def summary(found: dict[str, Any]) -> str:
    """Return one line about a demo."""
    return f"{found['orders']} orders, net {found['net']:.2f}, books {found['books']}, {found['fingerprint'][:12]}"


def conclude(count: Count, *, as_json: bool) -> int:
    """Say what was found and return the exit code."""
    for each in count.wrong:
        say(each)
    kills = f"{count.kills} kills of the worker, {count.server_kills} of the server"
    say(f"{kills}, {count.lives} lives, {len(count.wrong)} things wrong")
    if as_json:
        said = {"kills": count.kills, "server_kills": count.server_kills, "lives": count.lives, "wrong": count.wrong}
        print(json.dumps(said))
    return 1 if count.wrong else 0


def say(text: str) -> None:
    """Talk on stderr: stdout is data."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
