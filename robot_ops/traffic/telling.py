"""Who is told anything, and what besides the way."""

from collections.abc import Collection

from robot_ops.core.ids import RobotId
from robot_ops.traffic.graph import Arc
from robot_ops.traffic.itineraries import Telling
from robot_ops.traffic.obstructions import has_other_way, stuck_on
from robot_ops.traffic.reasons import Picture
from robot_ops.traffic.track import Track
from robot_ops.traffic.waits import WaitBook


def what_to_tell(
    picture: Picture, waits: WaitBook, resting: Collection[RobotId]
) -> dict[RobotId, tuple[Track, list[Arc], Telling] | None]:
    """Return what each robot is told that is told anything, see `ItineraryBook.renew`; None where that is as before.

    Args:
        resting: those about whom nothing has changed.
    """
    moves = picture.order.moves_by_robot()
    told: dict[RobotId, tuple[Track, list[Arc], Telling] | None] = {}
    for robot, track in picture.tracks.items():
        if robot in resting:
            told[robot] = None
            continue
        if not track.path:
            continue
        arcs = moves.get(robot, [])
        last = arcs[-1].end if arcs else track.path[-1]
        goal, wait = picture.goals[robot], waits.of(robot)
        reason = wait.reason if wait is not None else ""
        is_driving = bool(arcs) or not track.is_at_end
        if is_driving or (goal is not None and last == goal) or (track.goal is not None and reason):
            telling = Telling(
                waiting_for=reason,
                is_recall=_is_recalled(picture, track),
                is_emergency=picture.obstructions.rules.is_emergency,
            )
            told[robot] = (track, arcs, telling)
    return told


def _is_recalled(picture: Picture, track: Track) -> bool:
    """Return whether the robot should give up some of what it is cleared for."""
    if track.is_at_end:
        return False
    ahead = track.arcs_ahead()
    if any(picture.obstructions.is_urgent(arc) for arc in ahead):
        return True
    goal, stuck = picture.goals[track.robot], stuck_on(track, picture.now_ns)
    if stuck is None or goal is None or not ahead or ahead[0] is not track.held_arcs()[0]:
        return False
    return has_other_way(picture.graph, track, goal, stuck)
