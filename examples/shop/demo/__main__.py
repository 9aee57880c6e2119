"""The demo from the command line: `python -m examples.shop.demo --help`, or `make demo ARGS="..."`."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import click
from rich.console import Console

from examples.shop.demo.memory import StoreMismatch
from examples.shop.demo.options import DEFAULT_FAULTS, DEFAULT_ORDERS, DEFAULT_SEED, Options
from examples.shop.demo.report import show
from examples.shop.demo.session import Stopped, run
from weft import WeftError

FINE, BROKEN, USAGE, ENVIRONMENT = 0, 1, 2, 3
UNUSABLE = "The store {store} cannot be used: {error}\n  do: name a folder that can be written with --store"
EPILOG = """
Examples:

\b
  python -m examples.shop.demo
  python -m examples.shop.demo --orders 500 --faults 0.1 --seed 3
  python -m examples.shop.demo --crash-at 300; python -m examples.shop.demo
"""


class Orders(click.ParamType[int]):
    """A number above zero, or `all`."""

    name = "N|all"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Turn `all` into zero."""
        text = str(value)
        if text != "all" and not (text.isdecimal() and int(text) > 0):
            self.fail(f"{text!r} is neither a number above zero nor 'all'", param, ctx)
        return 0 if text == "all" else int(text)


@click.command(epilog=EPILOG)
@click.option(
    "--orders", type=Orders(), help=f"How many orders of the file, the first ones.  [default: {DEFAULT_ORDERS}]"
)
@click.option("--input", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Another file of invoices.")
@click.option(
    "--faults",
    type=click.FloatRange(0, 0.5),
    help=f"Fraction of attempts that meet a fault.  [default: {DEFAULT_FAULTS}]",
)
@click.option("--seed", type=int, help=f"Decides which attempts do.  [default: {DEFAULT_SEED}]")
@click.option("--crash-at", type=click.IntRange(1), help="Kill this process after its N-th commit.")
@click.option(
    "--crash-at-reply", type=click.IntRange(1), help="Kill it when a service has committed its N-th effect, unanswered."
)
@click.option(
    "--store",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".demo"),
    show_default=True,
    help="The folder where everything is kept.",
)
@click.option("--fresh", is_flag=True, help="Forget what the store holds.")
@click.option("--json", "as_json", is_flag=True, help="End with one object on the last line of stdout.")
def main(**options: object) -> None:
    """Run real orders and returns through the shop; carry on where a killed demo stopped.

    Exit codes: 0 the books balance, 1 they do not, 2 options that do not fit, 3 the store cannot be used.
    """
    sys.exit(demo(Options(**options)))  # pyright: ignore[reportArgumentType] - click has judged them


def demo(options: Options) -> int:
    """Run the demo and return its exit code."""
    talk = Console(stderr=True, highlight=False)
    try:
        report = asyncio.run(run(options, talk))
    except StoreMismatch as mismatch:
        talk.print(str(mismatch), markup=False, soft_wrap=True)
        return USAGE
    except WeftError as error:
        talk.print(str(error), markup=False, soft_wrap=True)
        return USAGE if error.code == "WEFT-E602" else ENVIRONMENT
    except OSError as error:  # the border: where the store lies is for people to choose
        talk.print(UNUSABLE.format(store=options.store, error=error), markup=False, soft_wrap=True)
        return ENVIRONMENT
    except Stopped as stopped:
        talk.print("Stopped. Nothing is lost: the same command carries on.")
        return stopped.exit_code
    show(report, talk if options.as_json else Console(highlight=False))
    if options.as_json:
        print(json.dumps(report.as_json()), flush=True)
    return BROKEN if report.problems else FINE


if __name__ == "__main__":
    main()
