"""Makes lane graphs and grids from seeds, alike those that published figures were measured on."""

import math
from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np

from robot_ops.benchmarks.grids import Free, GridCase, steps_to
from robot_ops.core.errors import ParameterError
from robot_ops.core.ids import LaneId, LevelId, NodeId, PlaceId, RobotId
from robot_ops.site.model import Lane, Level, Node, Place, PlaceKind, Robot, RobotKind, RobotModel, Site

GROUND: Final = LevelId("ground")
COURIER: Final = RobotModel(
    id="courier",
    kind=RobotKind.COURIER,
    radius=0.35,
    max_speed=1.2,
    max_acceleration=0.8,
    max_yaw_rate=1.5,
    compartments=("compartment_1",),
    battery_wh=500.0,
    idle_w=40.0,
    drive_w=100.0,
    charge_w=300.0,
)
_PIERS: Final = 12
_GATES: Final = 3
"""Gates of a pier."""
_CROSSINGS: Final = 15
"""Ways between the two concourses."""
_HALVED: Final = 12
"""Stretches between crossings that have a node in the middle."""


def airport_site(seed: int) -> Site:
    """Return a terminal of 126 nodes and 139 lanes: two concourses with crossings, and piers with gates as dead ends.

    Counts, degrees and lengths are close to those of the airport terminal of Open-RMF's demos (its largest graph has 36
    dead ends, 35 nodes of degree 2, 48 of degree 3 and 7 of degree 4, 14 independent cycles, lanes of 1.2 to 33 m, 6.4
    in the median, 279 x 57 m in all).
    """
    rng = np.random.default_rng(seed)
    across = np.cumsum(rng.uniform(8.0, 32.0, _CROSSINGS))
    depth = float(rng.uniform(6.0, 9.0))
    halved = set(rng.permutation(_CROSSINGS - 1)[: _HALVED // 2].tolist())
    nodes: dict[str, tuple[float, float]] = {}
    lanes: list[tuple[str, str]] = []
    for index, x in enumerate(across):
        nodes[f"north_{index}"], nodes[f"south_{index}"] = (float(x), depth), (float(x), 0.0)
        lanes.append((f"north_{index}", f"south_{index}"))
        for side, y in (("north", depth), ("south", 0.0)):
            if index - 1 in halved:
                nodes[f"{side}_{index}_before"] = (float(across[index - 1] + x) / 2.0, y)
                lanes.append((f"{side}_{index - 1}", f"{side}_{index}_before"))
                lanes.append((f"{side}_{index}_before", f"{side}_{index}"))
            elif index:
                lanes.append((f"{side}_{index - 1}", f"{side}_{index}"))
    at = np.linspace(0, _CROSSINGS - 1, _PIERS // 2).round().astype(int).tolist()
    for side, base, away in (("north", depth, 1.0), ("south", 0.0, -1.0)):
        for number, index in enumerate(at):
            _add_pier(nodes, lanes, rng, f"{side}_{index}", f"{side}_pier_{number}", (float(across[index]), base), away)
    return site_of("airport", nodes, lanes)


def _add_pier(
    nodes: dict[str, tuple[float, float]],
    lanes: list[tuple[str, str]],
    rng: np.random.Generator,
    root: str,
    name: str,
    at: tuple[float, float],
    away: float,
) -> None:
    """Add four nodes in a line, with a gate to the side at each of the last three."""
    x, y = at
    before = root
    for index in range(_GATES + 1):
        y += away * float(rng.uniform(3.0, 9.0))
        here = f"{name}_{index}"
        nodes[here] = (x, y)
        lanes.append((before, here))
        if index:
            sideways = float(rng.choice([-1.0, 1.0])) * float(rng.uniform(1.8, 5.0))
            nodes[f"{name}_gate_{index}"] = (x + sideways, y)
            lanes.append((here, f"{name}_gate_{index}"))
        before = here


def corridor_site(*, bays: int, robots: int) -> Site:
    """Return a single lane with bays to the side; half of the robots stand in a row at each end.

    Nodes are 2 m apart. The robots' starts are their parks; `corridor_goals` tells where they go.

    Raises:
        ParameterError: there is no bay, or the number of robots is odd or below 2.
    """
    if bays < 1 or robots < 2 or robots % 2:
        raise ParameterError(
            f"a corridor with {bays} bays and {robots} robots cannot be made",
            where="corridor",
            mend="Give at least one bay and an even number of robots",
        )
    half = robots // 2
    length = 2 * half + 2 * bays + 1
    nodes = {f"c{index}": (2.0 * index, 0.0) for index in range(length)}
    lanes = [(f"c{index}", f"c{index + 1}") for index in range(length - 1)]
    for bay in range(bays):
        beside = half + 1 + 2 * bay
        nodes[f"bay_{bay}"] = (2.0 * beside, 1.6)
        lanes.append((f"c{beside}", f"bay_{bay}"))
    starts = [*range(half), *range(length - half, length)]
    return site_of("corridor", nodes, lanes, starts=[f"c{index}" for index in starts])


def corridor_goals(site: Site) -> list[NodeId]:
    """Return the goals of the robots of a corridor, who change ends: who was first into the corridor ends outermost."""
    starts = [site.places[robot.park].node for robot in site.robots.values()]
    return starts[::-1]


def site_of(
    name: str,
    nodes: Mapping[str, tuple[float, float]],
    lanes: Iterable[tuple[str, str]],
    *,
    starts: Iterable[str] = (),
) -> Site:
    """Return a site of one level with a place on every node, and couriers that park at these nodes.

    Args:
        nodes: x, y in meters; lanes: both directions.
    """
    made = [Lane(id=LaneId(f"{a}-{b}"), start=NodeId(a), end=NodeId(b)) for a, b in lanes]
    places = [Place(id=PlaceId(node), kind=PlaceKind.COUNTER, node=NodeId(node), label=node, yaw=0.0) for node in nodes]
    robots = [
        Robot(id=RobotId(f"r{index:03d}"), model=COURIER, charger=PlaceId(start), park=PlaceId(start))
        for index, start in enumerate(starts)
    ]
    return Site(
        name=name,
        title=name.capitalize(),
        world_file=None,
        levels={GROUND: Level(id=GROUND, elevation=0.0)},
        nodes={NodeId(node): Node(id=NodeId(node), level=GROUND, x=x, y=y) for node, (x, y) in nodes.items()},
        lanes={lane.id: lane for lane in made},
        places={place.id: place for place in places},
        doors={},
        lifts={},
        zones={},
        robots={robot.id: robot for robot in robots},
        staff={},
    )


def random_grid(seed: int, *, side: int = 32, blocked: float = 0.2) -> Free:
    """Return (side, side) with this share of squares blocked; squares that are cut off are blocked, too."""
    rng = np.random.default_rng(seed)
    is_free = np.ones(side * side, dtype=np.bool_)
    is_free[rng.permutation(side * side)[: round(blocked * side * side)]] = False
    return largest_part(is_free.reshape(side, side))


def warehouse_grid(*, columns: int = 10, rows: int = 20, shelf: int = 10, margin: int = 25) -> Free:
    """Return a warehouse as in the MovingAI benchmark: shelves of `shelf` x 2 squares, aisles 1 wide, wide ends."""
    is_free = np.zeros((3 * rows + 3, 2 * margin + (shelf + 1) * columns + 1), dtype=np.bool_)
    is_free[1:-1, 1:-1] = True
    for row in range(rows):
        for column in range(columns):
            x = margin + 1 + (shelf + 1) * column
            is_free[2 + 3 * row : 4 + 3 * row, x : x + shelf] = False
    return is_free


def largest_part(is_free: Free) -> Free:
    """Return only the largest connected part of a grid."""
    left, best = is_free.copy(), np.zeros_like(is_free)
    while left.any():
        row, column = np.argwhere(left)[0].tolist()
        part = steps_to(left, (row, column)) >= 0
        left &= ~part
        if part.sum() > best.sum():
            best = part
    return best


def grid_case(name: str, is_free: Free, robots: int, seed: int) -> GridCase:
    """Return a case with random starts and goals on a connected grid.

    Raises:
        ParameterError: there are more robots than free squares.
    """
    squares = np.argwhere(is_free).astype(np.int32)
    if not 1 <= robots <= len(squares):
        raise ParameterError(
            f"{robots} robots do not fit on {len(squares)} free squares", where="robots", mend="Ask for fewer"
        )
    rng = np.random.default_rng(seed)
    starts, goals = rng.permutation(len(squares))[:robots], rng.permutation(len(squares))[:robots]
    return GridCase(name=name, is_free=is_free, starts=squares[starts], goals=squares[goals])


def lane_pairs(site: Site, robots: int, seed: int, *, clearance: float) -> tuple[list[NodeId], list[NodeId]]:
    """Return random starts and goals on a lane graph.

    Nobody starts, or ends, where two would be too close to each other; every goal can be reached from its start while
    nobody else is there. Cabins of lifts are left out.

    Args:
        clearance: meters between the nodes of any two.

    Raises:
        ParameterError: the site has no room for so many.
    """
    rng = np.random.default_rng(seed)
    cabins = {node for lift in site.lifts.values() for node in lift.stops.values()}
    part = [node for node in _strong_part(site) if node not in cabins]
    for _ in range(20):
        starts, goals = (_apart(site, part, rng, clearance)[:robots] for _ in range(2))
        if robots >= 1 and len(starts) == len(goals) == robots:
            return starts, goals
    raise ParameterError(
        f"{robots} robots do not fit on the {len(part)} connected nodes of {site.name}, {clearance:.2f} m apart",
        where="argument --robots",
        mend="Ask for fewer",
    )


def crossing_pairs(site: Site, robots: int, seed: int, *, clearance: float) -> tuple[list[NodeId], list[NodeId]]:
    """Return random starts and goals such that all cross the site: half from west to east, half from east to west.

    Raises:
        ParameterError: the site has no room for so many.
    """
    rng = np.random.default_rng(seed)
    part = sorted(_strong_part(site), key=lambda node: (site.nodes[node].x, node))
    half = (robots + 1) // 2
    third = max(half, len(part) // 3)
    west, east = (_apart(site, side, rng, clearance) for side in (part[:third], part[-third:]))
    west_goals, east_goals = (_apart(site, side, rng, clearance) for side in (part[:third], part[-third:]))
    if min(len(side) for side in (west, east, west_goals, east_goals)) < half:
        raise ParameterError(
            f"{robots} robots do not fit on {site.name}, {clearance:.2f} m apart", where="robots", mend="Ask for fewer"
        )
    starts = [*west[:half], *east[: robots - half]]
    return starts, [*east_goals[:half], *west_goals[: robots - half]]


def _apart(site: Site, part: list[NodeId], rng: np.random.Generator, clearance: float) -> list[NodeId]:
    """Return nodes in random order, each far enough from those before it."""
    kept: list[NodeId] = []
    for index in rng.permutation(len(part)).tolist():
        node = site.nodes[part[index]]
        near = (site.nodes[other] for other in kept)
        if all(o.level != node.level or math.hypot(o.x - node.x, o.y - node.y) >= clearance for o in near):
            kept.append(node.id)
    return kept


def _strong_part(site: Site) -> list[NodeId]:
    """Return the largest set of nodes that all can be reached from each other."""
    leaving: dict[NodeId, list[NodeId]] = {node: [] for node in site.nodes}
    entering: dict[NodeId, list[NodeId]] = {node: [] for node in site.nodes}
    ways = [(lane.start, lane.end) for lane in site.lanes.values()]
    ways += [(lane.end, lane.start) for lane in site.lanes.values() if not lane.is_one_way]
    ways += [(a, b) for lift in site.lifts.values() for a in lift.stops.values() for b in lift.stops.values() if a != b]
    for start, end in ways:
        leaving[start].append(end)
        entering[end].append(start)
    best: set[NodeId] = set()
    left = dict.fromkeys(site.nodes)
    while left:
        node = next(iter(left))
        part = _reached(leaving, node) & _reached(entering, node)
        for member in part:
            left.pop(member, None)
        if len(part) > len(best):
            best = part
    return [node for node in site.nodes if node in best]


def _reached(ways: Mapping[NodeId, list[NodeId]], start: NodeId) -> set[NodeId]:
    seen, stack = {start}, [start]
    while stack:
        for node in ways[stack.pop()]:
            if node not in seen:
                seen.add(node)
                stack.append(node)
    return seen
