"""What the demo says at its end: outcomes, timelines, and the books, from the workflows and from the file alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256

from rich.console import Console
from rich.table import Table
from rich.text import Text

from examples.shop.books.compare import Books, pounds
from examples.shop.demo.drive import Tally
from examples.shop.demo.memory import Memory

SHOWN_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that is said.

    Attributes:
        tally: what the workflows answered; nothing where none was asked, because all had ended before.
        already: the store was finished before.
    """

    memory: Memory
    books: Books
    tally: Tally | None = None
    already: bool = False

    @property
    def problems(self) -> dict[str, list[str]]:
        """What is wrong, by order: in the books, and between the books and what the workflows answered."""
        problems = {name: list(found) for name, found in self.books.problems.items()}
        if self.tally is not None:
            answered = self.tally.net
            for name, pennies in self.books.net.items():
                kept = Decimal(pennies).scaleb(-2)
                if name not in self.tally.failed and answered.get(name) != kept:
                    what = f"its workflows answered that the shop kept {answered.get(name)}, the ledger says {kept}"
                    problems.setdefault(name, []).append(what)
            for name, why in self.tally.failed.items():
                problems.setdefault(name, []).append(f"its run failed: {why}")
        return problems

    def as_json(self) -> dict[str, object]:
        """Return the object of the last line."""
        problems = self.problems
        return {
            "orders": len(self.books.net),
            "outcomes": dict(sorted(self.books.outcomes.items())),
            "net": float(pounds(sum(self.books.net.values()))),
            "books": "broken" if problems else "balanced",
            "orders_per_s": round(self.memory.orders_per_s, 1),
            "returns": dict(sorted(self.books.matches.items())),
            "charged": float(pounds(self.books.charged)),
            "refunded": float(pounds(self.books.refunded)),
            "confirmed": float(pounds(self.books.confirmed)),
            "returned": float(pounds(self.books.returned)),
            "undos": self.books.undos,
            "retries": self.memory.retries,
            "seed": self.memory.seed,
            "faults": self.memory.faults,
            "fingerprint": fingerprint(self.books),
            "already_finished": self.already,
            "problems": problems,
        }


def fingerprint(books: Books) -> str:
    """Return a hash of every order's ending and net money: the same for two demos that came to the same."""
    lines = (f"{name} {books.endings[name]} {net}\n" for name, net in sorted(books.net.items()))
    return sha256("".join(lines).encode()).hexdigest()


def show(report: Report, console: Console) -> None:
    """Print everything for people."""
    for topic, story in report.memory.telling.items():
        console.print(Text(f"\n{topic}", style="bold"))
        console.print(Text(story), soft_wrap=True)
    console.print()
    console.print(_outcomes(report))
    console.print()
    console.print(_books(report))
    problems = report.problems
    for name, found in list(problems.items())[:SHOWN_PROBLEMS]:
        console.print(Text(f"{name}: {'; '.join(found)}", style="red"))
    if problems:
        console.print(Text(f"The books are broken: {len(problems):,} entries are wrong.", style="bold red"))
    else:
        console.print(Text("The books balance to the penny.", style="bold green"))


def _outcomes(report: Report) -> Table:
    books, memory = report.books, report.memory
    table = Table("orders", "", title="What came of it", title_justify="left", show_footer=False)
    table.columns[1].justify = "right"
    _add(table, books.outcomes.most_common())
    table.add_section()
    table.add_row("[bold]returns that match[/bold]", "")
    _add(table, books.matches.most_common())
    if report.tally is not None and report.tally.refusals:
        table.add_section()
        table.add_row("[bold]refused parts of returns[/bold]", "")
        _add(table, report.tally.refusals.most_common())
    table.add_section()
    _add(table, [("undos", books.undos), ("calls that were sent again", memory.retries)])
    table.add_row("orders a second", f"{memory.orders_per_s:,.1f}")
    return table


def _add(table: Table, rows: Iterable[tuple[str, int]]) -> None:
    for name, count in rows:
        table.add_row(name, f"{count:,}")


def _books(report: Report) -> Table:
    books = report.books
    table = Table("the books, in pounds", "the ledger", "the file", title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    left, right = books.charged - books.refunded, books.confirmed - books.returned
    table.add_row("charged", _money(books.charged), "")
    table.add_row("refunded", _money(books.refunded), "")
    table.add_row("confirmed", "", _money(books.confirmed))
    table.add_row("returned", "", _money(books.returned))
    table.add_section()
    table.add_row("net of all orders", _money(left), _money(right), style="bold")
    if report.tally is not None:
        answered = sum(report.tally.net.values(), Decimal(0))
        table.add_row("net as the workflows answered", f"{answered:,.2f}", "")
    held = Counter(problem for found in books.problems.values() for problem in found if "for ever" in problem)
    table.add_row("held for ever", f"{held.total():,}", "0")
    return table


def _money(pennies: int) -> str:
    return f"{Decimal(pennies).scaleb(-2):,.2f}"
