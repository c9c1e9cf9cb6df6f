"""Robots move only where they are cleared to, only when nobody has stopped them, and only with all lids shut."""

from collections.abc import Sequence
from dataclasses import dataclass

from robot_ops.core.ids import NodeId, RobotId
from robot_ops.missions.ports import NavigationStatus
from robot_ops.simulation.invariants.base import Broken, Invariant, World
from robot_ops.simulation.invariants.geometry import Stretch, distance_of, way_of
from robot_ops.tasks.routes import RouteProgress

_STILL = 1e-6  # m
_BESIDE = 0.9  # m that a robot may cut corners, or stand beside a node when its process starts


@dataclass(slots=True)
class _Seen:
    driven: float
    may_move: bool


class Motion(Invariant):
    """Compares where a robot is with where it was when it acted last."""

    name = "motion"
    says = "robots move only on what they are cleared for, not while stopped or dead, not with an open lid"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._seen: dict[RobotId, _Seen] = {}
        self._ways: dict[RobotId, tuple[Stretch, ...]] = {}
        self._docks: dict[NodeId, list[Stretch]] = {}
        for place in world.site.places.values():
            if place.dock is not None:
                node = world.site.nodes[place.node]
                dock = Stretch(node.level, node.x, node.y, place.dock.x, place.dock.y)
                self._docks.setdefault(place.node, []).append(dock)

    def told(self, progress: RouteProgress) -> None:
        """Keep what it is cleared for, with the way to a dock at either end."""
        site = self.world.site
        way = list(way_of(site, progress.held))
        for name in progress.held:
            way += self._docks.get(name, ())
        self._ways[progress.robot] = tuple(way)

    def ticked(self, robot: RobotId) -> None:
        """Look whether it has moved, and whether it might."""
        self._look(robot, self.world.banks.open_compartments(robot))

    def unlocked(self, robot: RobotId, compartment: str) -> None:
        """Look whether it stands; what it has driven since the last look, it has driven with this lid shut."""
        view = self.world.robots[robot]
        view.advance()
        if view.body.status is NavigationStatus.ACTIVE and not view.is_by_hand:
            raise Broken(f"{robot} opens {compartment} while it drives")
        self._look(robot, [lid for lid in self.world.banks.open_compartments(robot) if lid != compartment])

    def _look(self, robot: RobotId, lids: Sequence[str]) -> None:
        view = self.world.robots[robot]
        driven = view.body.driven
        may_move = view.is_running and not view.stopped_by
        before, self._seen[robot] = self._seen.get(robot), _Seen(driven, may_move)
        if before is None or driven <= before.driven + _STILL:
            return
        if not may_move and not before.may_move:
            raise Broken(f"{robot} moves while it is {'stopped' if view.is_running else 'dead'}")
        if view.is_by_hand:
            return
        at = view.body.position
        off = distance_of(self._ways.get(robot, ()), view.body.level, at.x, at.y)
        if off > _BESIDE:
            raise Broken(f"{robot} drives {off:.2f} m beside what it is cleared for")
        if lids:
            raise Broken(f"{robot} drives while compartment {lids[0]} stands open")
