"""The import contracts of the house that import-linter does not bring along; pyproject.toml configures them.

Each reads the graph of all imports (type-only imports included) and says which arrows are wrong. Modules that a
contract names may still be missing: the plan is older than the rooms.
"""

import sys
from collections.abc import Iterator
from typing import cast

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output

ROOT = "weft"


def is_in(module: str, room: str) -> bool:
    """Tell whether a module is the room itself or lies inside it."""
    return module == room or module.startswith(f"{room}.")


def arrows(graph: ImportGraph) -> Iterator[tuple[str, str]]:
    """Yield every import that starts inside the house, as importer and imported, in order."""
    for importer in sorted(module for module in graph.modules if is_in(module, ROOT)):
        for imported in sorted(graph.find_modules_directly_imported_by(importer)):
            yield importer, imported


class HouseContract(Contract):
    """A contract that is kept when `complaints` finds nothing."""

    def complaints(self, graph: ImportGraph) -> list[str]:
        """Say what is wrong, one line for each arrow."""
        raise NotImplementedError

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: FBT001 (import-linter's signature)
        """Judge the graph."""
        del verbose
        found = self.complaints(graph)
        return ContractCheck(kept=not found, metadata={"complaints": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print what `check` found."""
        for complaint in check.metadata["complaints"]:
            output.print_error(f"- {complaint}", bold=False)


class FrontDoor(HouseContract):
    """No module imports the package it lies in: the front door is for visitors, and a room's own door is, too."""

    type_name = "front_door"

    def complaints(self, graph: ImportGraph) -> list[str]:
        """Find modules that import one of the packages around them."""
        return [
            f"{importer} imports the package it lies in ({imported}): import the file that has the name"
            for importer, imported in arrows(graph)
            if importer.startswith(f"{imported}.")
        ]


class Adapters(HouseContract):
    """An adapter imports, of its own room, nothing but the port."""

    type_name = "adapters"
    port = fields.StringField()
    adapters = fields.ListField(subfield=fields.StringField())

    def complaints(self, graph: ImportGraph) -> list[str]:
        """Find adapters that lean on a neighbor."""
        names, port = set(cast("list[str]", self.adapters)), cast("str", self.port)
        found: list[str] = []
        for importer, imported in arrows(graph):
            room, adapter = self._home(importer, names)
            if not adapter or not is_in(imported, room) or imported == room or is_in(imported, adapter):
                continue
            if not is_in(imported, f"{room}.{port}"):
                found.append(f"{importer} is an adapter and imports {imported}: of its room it may know {port} only")
        return found

    def _home(self, module: str, names: set[str]) -> tuple[str, str]:
        parts = module.split(".")
        for depth in range(2, len(parts)):  # an adapter lies in a room, so below weft.ROOM
            if parts[depth] in names:
                return ".".join(parts[:depth]), ".".join(parts[: depth + 1])
        return "", ""


class Pure(HouseContract):
    """Modules from which no chain of imports may lead to a library that touches the world."""

    type_name = "pure"
    modules = fields.ListField(subfield=fields.StringField())
    forbidden = fields.ListField(subfield=fields.StringField())

    def complaints(self, graph: ImportGraph) -> list[str]:
        """Find the shortest chain from each pure module to each forbidden library."""
        found: list[str] = []
        for module in cast("list[str]", self.modules):
            for library in cast("list[str]", self.forbidden):
                if module not in graph.modules or library not in graph.modules:
                    continue
                chains = graph.find_shortest_chains(importer=module, imported=library)
                found.extend(f"{module} must stay pure: {' -> '.join(chain)}" for chain in sorted(chains))
        return found


class Doors(HouseContract):
    """A library is imported only in the rooms that have a door for it."""

    type_name = "doors"
    doors = fields.ListField(subfield=fields.StringField())

    def complaints(self, graph: ImportGraph) -> list[str]:
        """Find libraries outside their rooms, and third-party libraries that have no door at all."""
        table = dict(self._parse(line) for line in cast("list[str]", self.doors))
        found: list[str] = []
        for importer, library in arrows(graph):
            if is_in(library, ROOT) or (library not in table and library in sys.stdlib_module_names):
                continue
            rooms = table.get(library, ())
            if not any(is_in(importer, room) for room in rooms):
                doors = ", ".join(rooms) or "no room"
                found.append(f"{importer} imports {library}, which has a door to {doors}")
        return found

    def _parse(self, line: str) -> tuple[str, tuple[str, ...]]:
        library, arrow, rooms = line.partition(" -> ")
        assert arrow, f"a door is written `library -> room, room`, not {line!r}"
        return library.strip(), tuple(room.strip() for room in rooms.split(","))
