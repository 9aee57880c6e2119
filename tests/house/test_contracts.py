"""The contracts of the house find the arrows that they forbid, and let the others pass."""

from grimp import ImportGraph

from tests.house.contracts import Adapters, Doors, FrontDoor, HouseContract, Pure


def graph_of(*imports: tuple[str, str]) -> ImportGraph:
    """Draw a graph with these arrows, importer first."""
    graph = ImportGraph()
    for importer, imported in imports:
        for module in (importer, imported):
            if module not in graph.modules:
                graph.add_module(module)
        graph.add_import(importer=importer, imported=imported)
    return graph


def contract(kind: type[HouseContract], **options: object) -> HouseContract:
    """Make a contract as import-linter does."""
    return kind("a contract", session_options={}, contract_options=options)


ADAPTERS = {"port": "port", "adapters": ["redis", "sqlite"]}


def test_front_door_is_for_visitors() -> None:
    """A module may import another room's door, but no door around itself."""
    front_door = contract(FrontDoor)

    assert not front_door.complaints(graph_of(("weft.flow.proxy", "weft.model"), ("weft", "weft.flow.proxy")))
    assert front_door.complaints(graph_of(("weft.flow.proxy", "weft")))
    assert front_door.complaints(graph_of(("weft.flow.proxy", "weft.flow")))


def test_adapters_know_their_port_only() -> None:
    """An adapter may import its port, its own parts and lower rooms, and no neighbor."""
    adapters = contract(Adapters, **ADAPTERS)
    fine = [("weft.kv.redis", "weft.kv.port"), ("weft.kv.redis", "weft.model.call"), ("weft.kv", "weft.kv.redis")]
    inner = ("weft.kv.redis.pool", "weft.kv.redis.wire")

    assert not adapters.complaints(graph_of(*fine, inner))
    assert adapters.complaints(graph_of(("weft.kv.redis", "weft.kv.sqlite")))
    assert adapters.complaints(graph_of(("weft.kv.redis.pool", "weft.kv.limits")))


def test_pure_modules_reach_no_library_that_touches_the_world() -> None:
    """A chain of imports to a forbidden library is found however long it is."""
    pure = contract(Pure, modules=["weft.engine.execution", "weft.missing"], forbidden=["sqlite3", "socket"])
    first = ("weft.engine.execution", "weft.model.call")

    assert not pure.complaints(graph_of(first, ("weft.data.database", "sqlite3")))
    assert pure.complaints(graph_of(first, ("weft.model.call", "sqlite3")))


def test_libraries_come_in_by_their_doors() -> None:
    """A library outside its room is found, and so is one that nobody gave a door."""
    doors = contract(Doors, doors=["sqlite3 -> weft.data", "click -> weft.cli, weft.console"])

    assert not doors.complaints(graph_of(("weft.cli.run", "click"), ("weft.data.database", "sqlite3")))
    assert not doors.complaints(graph_of(("weft.model.call", "dataclasses")))
    assert doors.complaints(graph_of(("weft.clip", "click")))
    assert doors.complaints(graph_of(("weft.cli.run", "requests")))
