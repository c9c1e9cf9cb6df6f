"""Where on the lane graph a robot stands that has no route yet (just switched on, or carried there)."""

import math
from typing import Final

from robot_ops.core.ids import NodeId, PlaceId
from robot_ops.core.poses import LevelPose, wrap_angle
from robot_ops.missions.itinerary import Itinerary
from robot_ops.site.model import Lane, Node, Site
from robot_ops.tasks.routes import Waypoint

LANE_RADIUS: Final = 0.5
"""m; a robot this close to a node stands on it, one this close to a lane, and to no node, is on its way along it.
Farther away another robot may stand there."""
DOCK_RADIUS: Final = 0.35
"""m; a robot this close to a place's docked pose, and heading alike, is docked."""
DOCK_YAW: Final = 0.5
"""rad."""


def locate(site: Site, at: LevelPose, *, is_turned: bool = False) -> tuple[Waypoint, ...]:
    """Return the nodes that a robot at this pose holds: one, two on a lane, none off the graph.

    Args:
        is_turned: it would drive along a lane the other way than it heads.
    """
    docked = docked_place(site, at)
    if docked is not None:
        return (waypoint_of(site.node_of(docked)),)
    if not any(node.level == at.level for node in site.nodes.values()):
        return ()
    node, distance = site.nearest_node(at)
    if distance <= LANE_RADIUS:
        return (waypoint_of(node),)
    beside = [(distance, lane) for lane in site.lanes.values() if (distance := _beside(site, lane, at)) <= LANE_RADIUS]
    if not beside:
        return ()
    lane = min(beside, key=lambda pair: (pair[0], pair[1].id))[1]
    start, end = (site.nodes[node_id] for node_id in _along(site, lane, at, is_turned=is_turned))
    return (waypoint_of(start), waypoint_of(end, speed_limit=lane.speed_limit))


def distance_off(site: Site, itinerary: Itinerary, at: LevelPose) -> float:
    """Return how far the robot is from what it holds, meters; the dock of a held node belongs to it."""
    docked = docked_place(site, at)
    is_docked = docked is not None and site.places[docked].node in itinerary.held
    return 0.0 if is_docked else itinerary.distance_off(at)


def docked_place(site: Site, at: LevelPose) -> PlaceId | None:
    """Return the place the robot is docked at, or None."""
    for place in site.places.values():
        if place.dock is None or abs(place.dock.x - at.pose.x) > DOCK_RADIUS:
            continue
        if site.nodes[place.node].level != at.level:
            continue
        is_near = place.dock.distance_to(at.pose) <= DOCK_RADIUS
        node = site.nodes[place.node]
        is_nearer_to_node = math.hypot(node.x - at.pose.x, node.y - at.pose.y) < place.dock.distance_to(at.pose)
        if is_near and not is_nearer_to_node and abs(wrap_angle(place.dock.yaw - at.pose.yaw)) <= DOCK_YAW:
            return place.id
    return None


def waypoint_of(node: Node, *, speed_limit: float = 0.5) -> Waypoint:
    """Return the node as a waypoint; the default speed, in m/s, serves to center on it."""
    return Waypoint(node=node.id, level=node.level, x=node.x, y=node.y, speed_limit=speed_limit)


def _beside(site: Site, lane: Lane, at: LevelPose) -> float:
    start, end = site.nodes[lane.start], site.nodes[lane.end]
    length = math.hypot(end.x - start.x, end.y - start.y)
    if start.level != at.level or length == 0.0:
        return math.inf
    ux, uy = (end.x - start.x) / length, (end.y - start.y) / length
    dx, dy = at.pose.x - start.x, at.pose.y - start.y
    return abs(dx * uy - dy * ux) if 0.0 <= dx * ux + dy * uy <= length else math.inf


def _along(site: Site, lane: Lane, at: LevelPose, *, is_turned: bool) -> tuple[NodeId, NodeId]:
    start, end = site.nodes[lane.start], site.nodes[lane.end]
    heading = math.atan2(end.y - start.y, end.x - start.x)
    is_heading_along = abs(wrap_angle(heading - at.pose.yaw)) <= math.pi / 2
    is_forward = lane.is_one_way or is_heading_along != is_turned
    return (lane.start, lane.end) if is_forward else (lane.end, lane.start)
