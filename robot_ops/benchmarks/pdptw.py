"""Reads instances of pickup and delivery with time windows (Li and Lim 2001), reads, writes and checks solutions."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from robot_ops.core.errors import ScenarioError

_FIELDS: Final = ("id", "x", "y", "demand", "ready", "due", "service", "pickup", "delivery")
_MOST_ROWS: Final = 10_000
_MOST_VEHICLES: Final = 10_000
_ROUTE: Final = re.compile(r"\s*route\s*#?\s*(\d+)\s*:(.*)", re.IGNORECASE)
_SLACK: Final = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """The depot (number 0), a pickup or a delivery.

    Attributes:
        demand: above 0 at pickups, the same below 0 at the delivery.
        ready, due: when service may begin; service: how long it takes.
        partner: number of the delivery of a pickup, of the pickup of a delivery, 0 for the depot.
    """

    number: int
    x: float
    y: float
    demand: float
    ready: float
    due: float
    service: float
    partner: int

    @property
    def is_pickup(self) -> bool:
        """Return whether something is picked up here."""
        return self.demand > 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """Vehicles, all alike, start at the depot and end there; travel takes the straight distance.

    Attributes:
        nodes: by number, the depot first.
    """

    name: str
    vehicles: int
    capacity: float
    nodes: tuple[Node, ...]

    def distance(self, start: int, goal: int) -> float:
        """Return the straight distance between two nodes, which is also the time it takes."""
        one, other = self.nodes[start], self.nodes[goal]
        return math.hypot(one.x - other.x, one.y - other.y)


def read_instance(path: Path) -> Instance:
    """Return the instance that a file holds.

    Raises:
        ScenarioError: it cannot be read, or a line is wrong.
    """
    lines = [(number, line.split()) for number, line in enumerate(_text(path).splitlines(), start=1) if line.strip()]
    if not lines:
        raise ScenarioError("the file is empty", where=f"{path}:1", mend="Give an instance of Li and Lim's form")
    number, words = lines[0]
    where = f"{path}:{number}"
    if len(words) not in (2, 3):
        raise ScenarioError(
            f"the first line has {len(words)} fields", where=where, mend="Give vehicles, capacity and speed"
        )
    vehicles, capacity = _number(words[0], where, "vehicles"), _number(words[1], where, "capacity")
    if vehicles != int(vehicles) or not 1 <= vehicles <= _MOST_VEHICLES:
        raise ScenarioError(f"{words[0]} is no number of vehicles", where=where, mend=f"Give 1 to {_MOST_VEHICLES}")
    if capacity <= 0:
        raise ScenarioError(f"{words[1]} is no capacity", where=where, mend="Give a number above 0")
    if len(words) == 3:
        # the sets have speeds other than 1 in places; their published solutions take 1 everywhere
        _number(words[2], where, "speed")
    if len(lines) > _MOST_ROWS + 1:
        raise ScenarioError(f"{len(lines) - 1} nodes are too many", where=where, mend=f"Give at most {_MOST_ROWS}")
    nodes = tuple(_node(path, number, words, row) for row, (number, words) in enumerate(lines[1:]))
    instance = Instance(name=path.stem, vehicles=int(vehicles), capacity=capacity, nodes=nodes)
    _check_nodes(path, instance, [number for number, _ in lines[1:]])
    return instance


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ScenarioError(f"it cannot be read: {error.strerror}", where=f"{path}") from error
    except UnicodeDecodeError as error:
        raise ScenarioError("it is not a text file", where=f"{path}", mend="Give a file in UTF-8") from error


def _number(word: str, where: str, field: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or "_" in word:
        raise ScenarioError(f"'{word}' is no number", where=f"{where}, {field}", mend="Give a finite number")
    return value


def _node(path: Path, line: int, words: Sequence[str], row: int) -> Node:
    where = f"{path}:{line}"
    if len(words) != len(_FIELDS):
        raise ScenarioError(f"{len(words)} fields", where=where, mend=f"Give {len(_FIELDS)}: {', '.join(_FIELDS)}")
    values = {field: _number(word, where, field) for field, word in zip(_FIELDS, words, strict=True)}
    for field in ("id", "pickup", "delivery"):
        if values[field] != int(values[field]):
            raise ScenarioError(f"{values[field]:g} is not whole", where=f"{where}, {field}", mend="Give a node's id")
    if values["id"] != row:
        raise ScenarioError(f"id {values['id']:g} follows {row - 1}", where=where, mend=f"Number it {row}")
    if values["service"] < 0:
        raise ScenarioError("service takes less than no time", where=f"{where}, service", mend="Give 0 or more")
    if values["ready"] > values["due"]:
        raise ScenarioError(
            f"it is due at {values['due']:g}, before it is ready at {values['ready']:g}",
            where=f"{where}, due",
            mend="Give the end of the window after its beginning",
        )
    pickup, delivery = int(values["pickup"]), int(values["delivery"])
    if row > 0 and (pickup == 0) == (delivery == 0):
        raise ScenarioError(
            f"pickup {pickup} and delivery {delivery}",
            where=where,
            mend="Give 0 and the delivery for a pickup, the pickup and 0 for a delivery",
        )
    return Node(
        number=row,
        x=values["x"],
        y=values["y"],
        demand=values["demand"],
        ready=values["ready"],
        due=values["due"],
        service=values["service"],
        partner=pickup or delivery,
    )


def _check_nodes(path: Path, instance: Instance, lines: Sequence[int]) -> None:
    if len(instance.nodes) < 3:
        raise ScenarioError(
            "there is nothing to pick up", where=f"{path}", mend="Give the depot and at least one pickup and delivery"
        )
    depot = instance.nodes[0]
    if depot.partner != 0 or depot.demand != 0:
        raise ScenarioError("the depot has a demand", where=f"{path}:{lines[0]}", mend="Give 0 for its demand and pair")
    for node, line in zip(instance.nodes[1:], lines[1:], strict=True):
        where = f"{path}:{line}"
        if not 1 <= node.partner < len(instance.nodes):
            raise ScenarioError(f"there is no node {node.partner}", where=where, mend="Give the id of its other half")
        other = instance.nodes[node.partner]
        if other.partner != node.number:
            raise ScenarioError(
                f"node {other.number} belongs to {other.partner}, not to {node.number}",
                where=where,
                mend="Let both halves name each other",
            )
        if node.demand == 0 or node.demand != -other.demand:
            raise ScenarioError(
                f"demand {node.demand:g}, and {other.demand:g} at node {other.number}",
                where=f"{where}, demand",
                mend="Give one above 0 at the pickup and the same below 0 at the delivery",
            )
        if node.demand > instance.capacity:
            raise ScenarioError(
                f"demand {node.demand:g} is above the capacity {instance.capacity:g}",
                where=f"{where}, demand",
                mend="Give less, or more capacity",
            )


def read_solution(path: Path) -> list[list[int]]:
    """Return the routes (numbers of nodes, without the depot) that a .sol file holds.

    Raises:
        ScenarioError: it cannot be read, or a line is wrong.
    """
    routes: list[list[int]] = []
    is_solution = False
    for number, line in enumerate(_text(path).splitlines(), start=1):
        match = _ROUTE.fullmatch(line)
        if match is None:
            if is_solution and line.strip():
                raise ScenarioError("it is no route", where=f"{path}:{number}", mend="Give 'Route 1 : 3 5 4 6'")
            is_solution |= line.strip().lower() == "solution"
            continue
        is_solution = True
        words = match.group(2).split()
        if not all(word.isdecimal() for word in words):
            raise ScenarioError("a node is no number", where=f"{path}:{number}", mend="Give the nodes' ids")
        stops = [int(word) for word in words]
        routes.append([stop for stop in stops if stop != 0])
    if not routes:
        raise ScenarioError("there are no routes", where=f"{path}", mend="Give 'Route 1 : 3 5 4 6' a line")
    return routes


def write_solution(path: Path, instance: Instance, routes: Iterable[Sequence[int]], *, reference: str) -> None:
    """Write routes as the published solutions are.

    Raises:
        ScenarioError: the file cannot be written.
    """
    lines = [
        f"Instance name : {instance.name}",
        "Authors       : robot_ops",
        f"Reference     : {reference}",
        "Solution",
        *(f"Route {number} : {' '.join(map(str, route))}" for number, route in enumerate(routes, start=1)),
    ]
    try:
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError as error:
        raise ScenarioError(f"it cannot be written: {error.strerror}", where=f"{path}") from error


def total_distance(instance: Instance, routes: Iterable[Sequence[int]]) -> float:
    """Return the length of all routes, from the depot and back to it."""
    total = 0.0
    for route in routes:
        way = [0, *route, 0]
        total += sum(instance.distance(start, goal) for start, goal in pairwise(way))
    return total


def faults(instance: Instance, routes: Sequence[Sequence[int]]) -> list[str]:
    """Return what is wrong with routes, driven stop by stop; nothing when they solve the instance."""
    found = []
    if len(routes) > instance.vehicles:
        found.append(f"{len(routes)} routes for {instance.vehicles} vehicles")
    seen: set[int] = set()
    for number, route in enumerate(routes, start=1):
        for stop in route:
            if stop in seen or not 1 <= stop < len(instance.nodes):
                found.append(f"route {number}: node {stop} is served twice or does not exist")
            seen.add(stop)
        if all(1 <= stop < len(instance.nodes) for stop in route):
            found += [f"route {number}: {fault}" for fault in _route_faults(instance, route)]
        if not route:
            found.append(f"route {number} is empty")
    missing = sorted(set(range(1, len(instance.nodes))) - seen)
    if missing:
        found.append(f"nodes {missing} are not served")
    return found


def _route_faults(instance: Instance, route: Sequence[int]) -> Iterable[str]:
    time, load, before = instance.nodes[0].ready, 0.0, 0
    on_board: set[int] = set()
    for stop in route:
        node = instance.nodes[stop]
        time = max(time + instance.distance(before, stop), node.ready)
        if time > node.due + _SLACK:
            yield f"node {stop} is reached at {time:.3f}, due at {node.due:g}"
        time += node.service
        load += node.demand
        if load > instance.capacity + _SLACK:
            yield f"{load:g} on board after node {stop}, capacity {instance.capacity:g}"
        if node.is_pickup:
            on_board.add(stop)
        elif node.partner in on_board:
            on_board.remove(node.partner)
        else:
            yield f"node {stop} is served before its pickup {node.partner}"
        before = stop
    if on_board:
        yield f"{sorted(on_board)} are picked up and not delivered"
    time += instance.distance(before, 0)
    if time > instance.nodes[0].due + _SLACK:
        yield f"it is back at {time:.3f}, the depot closes at {instance.nodes[0].due:g}"
