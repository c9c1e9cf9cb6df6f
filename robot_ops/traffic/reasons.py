"""Why robots cannot go on."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from robot_ops.core.ids import RobotId
from robot_ops.traffic.conflicts import ConflictMap
from robot_ops.traffic.graph import Arc, LaneGraph
from robot_ops.traffic.obstructions import Obstructions, stuck_on
from robot_ops.traffic.ordering import FleetOrder
from robot_ops.traffic.track import Track
from robot_ops.traffic.waits import Reason, listed

_EMERGENCY: Final = "the end of the emergency"


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Everything that traffic control knows at one instant.

    Attributes:
        goals: per robot the node it is planned to, None for none; refuges: in an emergency, per robot its node.
    """

    graph: LaneGraph
    conflicts: ConflictMap
    obstructions: Obstructions
    order: FleetOrder
    tracks: Mapping[RobotId, Track]
    goals: Mapping[RobotId, int | None]
    refuges: Mapping[RobotId, int]
    now_ns: int

    def cell_name(self, cell: int) -> str:
        """Return what people call a cell."""
        graph = self.graph
        if cell < graph.lane_cell0:
            return graph.nodes[cell]
        if cell < graph.lift_cell0:
            return f"lane {graph.lanes[cell - graph.lane_cell0].id}"
        return f"lift {graph.lifts[cell - graph.lift_cell0]}"

    def is_waiting(self, track: Track) -> bool:
        """Return whether the robot stands at the end of its clearance."""
        return bool(track.path) and track.reached == len(track.path) - 1


def find_waits(picture: Picture, tracks: Mapping[RobotId, Track]) -> dict[RobotId, Reason]:
    """Return, per robot of these tracks that cannot go on, why."""
    reasons = {robot: _reason(picture, track) for robot, track in tracks.items()}
    found = {robot: reason for robot, reason in reasons.items() if reason is not None}
    for robot in list(found):
        if _is_helpless(picture, picture.tracks[robot]):
            blocked = tuple(other for other, reason in found.items() if robot in reason.waits_for)
            found[robot] = replace(found[robot], blocks=blocked)
    return found


def _is_helpless(picture: Picture, track: Track) -> bool:
    """Return whether somebody must do something about the robot."""
    return track.is_silent(picture.now_ns) or bool(track.lost) or stuck_on(track, picture.now_ns) is not None


def _reason(picture: Picture, track: Track) -> Reason | None:
    robot, order = track.robot, picture.order
    if track.is_silent(picture.now_ns):
        return Reason(text="has not been heard of; the others keep off what it holds")
    if track.lost:
        return Reason(text=track.lost)
    if track.free is not None:
        why = "is driven by hand" if track.is_by_hand else "has left its lane"
        return Reason(text=f"{why}; the others keep off around it and what it holds")
    stuck = stuck_on(track, picture.now_ns)
    if stuck is not None:
        return Reason(text=f"does not get on {_between(picture, stuck)}; the others go around where they can")
    blocked, obstacle = order.blocked.get(robot), order.obstacles.get(robot)
    if picture.goals[robot] is None and track.goal is not None:
        return _no_way(picture, track)
    if blocked is not None and picture.is_waiting(track):
        return Reason(waits_for=blocked[1], text=f"waits for {listed(blocked[1])} at {_name(picture, blocked[0].end)}")
    if robot in order.unplanned and obstacle is not None and obstacle.robots:
        left = f"waits until {_name(picture, obstacle.node)} is left by {listed(obstacle.robots)}"
        return Reason(waits_for=obstacle.robots, text=left)
    if robot in order.unplanned and picture.goals[robot] is not None:
        to = "a refuge" if picture.refuges else f"'{track.goal}'"
        return Reason(text=f"finds no way between the others to {to} yet")
    is_sheltered = picture.refuges.get(robot) == track.path[-1]
    if picture.obstructions.rules.is_emergency and track.goal is not None and is_sheltered:
        return Reason(text=f"stays at {_name(picture, track.node)} until the emergency is over", short=_EMERGENCY)
    return None


def _no_way(picture: Picture, track: Track) -> Reason:
    graph = picture.graph
    if picture.obstructions.rules.is_emergency:
        return Reason(text="finds no refuge and stays where it is", short=_EMERGENCY)
    goal = None if track.goal is None else graph.goal_of.get(track.goal)
    if goal is None:
        return Reason(text=f"wants to go to '{track.goal}', which is no place of the site")
    if goal in graph.barred(track.robot):
        level = graph.site.nodes[graph.nodes[goal]].level
        return Reason(text=f"cannot go to '{track.goal}': it never goes to '{level}'")
    way = picture.obstructions.way_as_built(track.node, goal)
    closed = [arc for arc in way if not _is_open_now(graph, arc)]
    if not closed:
        return Reason(text=f"cannot go to '{track.goal}': no lanes lead there from {_name(picture, track.node)}")
    return _closed(picture, track, closed[0])


def _closed(picture: Picture, track: Track, arc: Arc) -> Reason:
    name = picture.cell_name(arc.cell)
    robots = tuple(picture.obstructions.bubbles.closing(arc.cell, is_forward=arc.is_forward))
    lanes = picture.graph.lanes
    lane = lanes[arc.cell - picture.graph.lane_cell0].id if arc.lift is None else None
    if lane in picture.obstructions.rules.closed_lanes or not robots:
        return Reason(text=f"cannot go to '{track.goal}': {name} is closed", short=f"{name} to be opened")
    text = f"cannot go to '{track.goal}': {listed(robots)} is off the lanes near {name}"
    return Reason(waits_for=robots, text=text)


def _is_open_now(graph: LaneGraph, arc: Arc) -> bool:
    now = graph.arc(arc.start, arc.end)
    return now is not None and graph.is_open(now)


def _between(picture: Picture, arc: Arc) -> str:
    if arc.lift is not None:
        return f"in lift {arc.lift}"
    return f"from {_name(picture, arc.start)} to {_name(picture, arc.end)}"


def _name(picture: Picture, node: int) -> str:
    return picture.graph.nodes[node]
