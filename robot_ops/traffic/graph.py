"""The lane graph as traffic sees it: numbered nodes, directed arcs, and cells that robots take up.

A cell is a node, a lane (both directions are one cell) or the ride of a lift. Cells are numbered: nodes first.
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from robot_ops.core.errors import SiteError
from robot_ops.core.ids import DoorId, LevelId, LiftId, NodeId, PlaceId, RobotId
from robot_ops.site.model import Lane, Site

DOOR_SECONDS: Final = 3.0
"""What a door costs on average; the robots ask for it ahead of time."""
LIFT_SECONDS: Final = 15.0
"""A ride of one or two floors with both door cycles."""
LANE_SECONDS: Final = 0.4
"""What slowing down for turns and people costs per lane, on average."""
DEFAULT_RADIUS: Final = 0.35
DEFAULT_SPEED: Final = 1.0
_NOWHERE: Final[frozenset[int]] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Arc:
    """One direction of a lane, or a lift ride between two cabin nodes.

    Attributes:
        start, end: node numbers; cell: the lane's or ride's cell.
        is_forward: True where it leads from the lane's start to its end.
        length: meters, 0 for a ride; speed: m/s; extra: seconds that doors, lifts and turns cost.
    """

    start: int
    end: int
    cell: int
    is_forward: bool
    length: float
    speed: float
    extra: float
    door: DoorId | None = None
    lift: LiftId | None = None

    def seconds(self, max_speed: float) -> float:
        """Return how long a robot with this top speed (m/s) takes."""
        return self.length / min(self.speed, max_speed) + self.extra


@dataclass(frozen=True, slots=True, kw_only=True)
class Restrictions:
    """What is different from the site for a while.

    Attributes:
        closed: (cell, is_forward) of lanes and rides that nobody may enter; a ride is always forward.
        speeds: per lane cell an upper bound in m/s; delays: per cell the seconds that driving it takes longer.
    """

    closed: frozenset[tuple[int, bool]] = frozenset()
    speeds: Mapping[int, float] = field(default_factory=dict)
    delays: Mapping[int, float] = field(default_factory=dict)


NO_RESTRICTIONS: Final = Restrictions()


class LaneGraph:
    """Nodes, arcs and cells of a site.

    Attributes:
        all_arcs: as the site is built, closed ones included, without the restrictions' speeds and delays.
        leaving, entering: per node the arcs that may be driven.
        restrictions: what is taken into account besides the site.

    Raises:
        SiteError: a lane without length, between two levels or to an unknown node, or a position that is no number.
    """

    def __init__(self, site: Site, restrictions: Restrictions = NO_RESTRICTIONS) -> None:
        self.site = site
        self.restrictions = restrictions
        self.nodes: tuple[NodeId, ...] = tuple(site.nodes)
        self.number: dict[NodeId, int] = {node: index for index, node in enumerate(self.nodes)}
        for node in site.nodes.values():
            if not (math.isfinite(node.x) and math.isfinite(node.y)):
                raise SiteError("the position is not a number", where=f"nodes.{node.id}", mend="Give meters")
        self.lanes: tuple[Lane, ...] = tuple(site.lanes.values())
        self.lifts: tuple[LiftId, ...] = tuple(site.lifts)
        self.lane_cell0 = len(self.nodes)
        self.lift_cell0 = self.lane_cell0 + len(self.lanes)
        self.cell_count = self.lift_cell0 + len(self.lifts)
        self.goal_of: dict[PlaceId, int] = {place.id: self.number[place.node] for place in site.places.values()}
        self.all_arcs: tuple[Arc, ...] = tuple(self._build())
        self._arcs = self._choose()
        self.leaving: tuple[tuple[Arc, ...], ...] = self._group(by_end=False)
        self.entering: tuple[tuple[Arc, ...], ...] = self._group(by_end=True)
        self.cabins: frozenset[int] = frozenset(
            self.number[node] for lift in site.lifts.values() for node in lift.stops.values()
        )
        self._barred: dict[frozenset[LevelId], frozenset[int]] = {}
        radii = sorted((robot.model.radius for robot in site.robots.values()), reverse=True)
        radii += [DEFAULT_RADIUS] * (2 - len(radii))
        self.largest_radius: float = radii[0]
        self.clear_distance_without_margin: float = radii[0] + radii[1]

    def restricted(self, restrictions: Restrictions) -> "LaneGraph":
        """Return the same graph, cells and numbers, with other restrictions in place of its own."""
        return LaneGraph(self.site, restrictions)

    def is_open(self, arc: Arc) -> bool:
        """Return whether robots may enter the arc."""
        return (arc.cell, arc.is_forward) not in self.restrictions.closed

    def arc(self, start: int, end: int) -> Arc | None:
        """Return the arc between two nodes, None where there is none; a closed one where there is no other."""
        return self._arcs.get((start, end))

    def max_speed(self, robot: RobotId) -> float:
        """Return the robot's top speed in m/s; an unknown robot gets a usual one."""
        known = self.site.robots.get(robot)
        return known.model.max_speed if known is not None else DEFAULT_SPEED

    def barred(self, robot: RobotId) -> frozenset[int]:
        """Return the nodes that the robot is never sent to: where it does not go, and in lifts that it cannot ride."""
        known = self.site.robots.get(robot)
        if known is None or known.levels is None:
            return _NOWHERE
        levels = known.levels
        barred = self._barred.get(levels)
        if barred is None:
            elsewhere = [node.id for node in self.site.nodes.values() if node.level not in levels]
            lifts = [lift for lift in self.site.lifts.values() if len(levels & lift.stops.keys()) < 2]
            cabins = [node for lift in lifts for node in lift.stops.values()]
            barred = self._barred[levels] = frozenset(self.number[node] for node in (*elsewhere, *cabins))
        return barred

    def seconds(self, robot: RobotId, arc: Arc) -> float:
        """Return how long the robot takes for the arc, inf where it is never sent to its end."""
        return math.inf if arc.end in self.barred(robot) else arc.seconds(self.max_speed(robot))

    def arcs_along(self, nodes: Sequence[int]) -> list[Arc] | None:
        """Return the arcs of a walk over these nodes, None where two of them are not joined."""
        arcs = [self._arcs.get(pair) for pair in itertools.pairwise(nodes)]
        found = [arc for arc in arcs if arc is not None]
        return found if len(found) == len(arcs) else None

    def _build(self) -> Iterator[Arc]:
        for index, lane in enumerate(self.lanes):
            yield from self._lane_arcs(self.lane_cell0 + index, lane)
        for index, lift in enumerate(self.site.lifts.values()):
            stops = [self.number[node] for node in lift.stops.values()]
            for start, end in itertools.permutations(stops, 2):
                yield self._ride(self.lift_cell0 + index, start, end, lift.id)

    def _lane_arcs(self, cell: int, lane: Lane) -> Iterator[Arc]:
        where = f"lanes.{lane.id}"
        for node in (lane.start, lane.end):
            if node not in self.number:
                raise SiteError(f"there is no node '{node}'", where=where, mend="Correct the lane's ends")
        start, end = self.site.nodes[lane.start], self.site.nodes[lane.end]
        length = math.hypot(end.x - start.x, end.y - start.y)
        if start.level != end.level:
            raise SiteError("the lane joins two levels", where=where, mend="Only lifts do; correct its ends")
        if length <= 0.0:
            raise SiteError("the lane has no length", where=where, mend="Move or join its nodes")
        if not lane.speed_limit > 0.0:
            raise SiteError("the speed limit must be above 0 m/s", where=where, mend="Correct it")
        extra = LANE_SECONDS + (DOOR_SECONDS if lane.door is not None else 0.0)
        for is_forward in (True,) if lane.is_one_way else (True, False):
            a, b = (lane.start, lane.end) if is_forward else (lane.end, lane.start)
            yield Arc(
                start=self.number[a],
                end=self.number[b],
                cell=cell,
                is_forward=is_forward,
                length=length,
                speed=lane.speed_limit,
                extra=extra,
                door=lane.door,
            )

    @staticmethod
    def _ride(cell: int, start: int, end: int, lift: LiftId) -> Arc:
        return Arc(
            start=start, end=end, cell=cell, is_forward=True, length=0.0, speed=1.0, extra=LIFT_SECONDS, lift=lift
        )

    def _choose(self) -> dict[tuple[int, int], Arc]:
        """Return the best arc for each two nodes: an open one, then the fastest."""
        arcs: dict[tuple[int, int], Arc] = {}
        for built in self.all_arcs:
            arc = self._as_now(built)
            known = arcs.get((arc.start, arc.end))
            if known is None or self._rank(arc) < self._rank(known):
                arcs[arc.start, arc.end] = arc
        return arcs

    def _as_now(self, arc: Arc) -> Arc:
        limit, delay = self.restrictions.speeds.get(arc.cell), self.restrictions.delays.get(arc.cell)
        if limit is None and delay is None:
            return arc
        return replace(arc, speed=min(arc.speed, limit or arc.speed), extra=arc.extra + (delay or 0.0))

    def _rank(self, arc: Arc) -> tuple[bool, float]:
        return not self.is_open(arc), arc.seconds(DEFAULT_SPEED)

    def _group(self, *, by_end: bool) -> tuple[tuple[Arc, ...], ...]:
        groups: list[list[Arc]] = [[] for _ in self.nodes]
        for arc in self._arcs.values():
            if self.is_open(arc):
                groups[arc.end if by_end else arc.start].append(arc)
        return tuple(tuple(group) for group in groups)
