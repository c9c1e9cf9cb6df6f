"""The itinerary: what counts as reached."""

from robot_ops.core.ids import LevelId, LiftId, NodeId
from robot_ops.core.poses import LevelPose, Pose
from robot_ops.missions.itinerary import Itinerary
from robot_ops.tasks.routes import Waypoint

HALL, OFFICE = LevelId("hall"), LevelId("office")


def waypoint(name: str, x: float, y: float, *, level: LevelId = HALL, lift: str | None = None) -> Waypoint:
    return Waypoint(
        node=NodeId(name), level=level, x=x, y=y, speed_limit=1.0, lift=LiftId(lift) if lift is not None else None
    )


def at(x: float, y: float, level: LevelId = HALL) -> LevelPose:
    return LevelPose(level=level, pose=Pose(x=x, y=y))


def test_waypoints_are_reached_one_after_the_other():
    itinerary = Itinerary((waypoint("a", 0, 0), waypoint("b", 3, 0), waypoint("c", 6, 0)))
    assert not itinerary.advance(at(2.0, 0.1))
    assert itinerary.advance(at(2.8, 0.1))
    assert itinerary.reached == 1


def test_a_corner_may_be_cut():
    itinerary = Itinerary((waypoint("a", 0, 0), waypoint("b", 3, 0), waypoint("c", 3, 3)))
    itinerary.advance(at(2.6, 0.5))
    assert itinerary.reached == 1


def test_a_robot_that_drove_around_a_waypoint_goes_on_from_the_next():
    itinerary = Itinerary((waypoint("a", 0, 0), waypoint("b", 3, 0), waypoint("c", 3, 3), waypoint("d", 6, 3)))
    itinerary.advance(at(1.8, 1.5))
    assert itinerary.reached == 0
    itinerary.advance(at(3.1, 2.9))
    assert itinerary.reached == 2


def test_no_waypoint_beyond_the_clearance_is_reached():
    itinerary = Itinerary((waypoint("a", 0, 0), waypoint("b", 3, 0), waypoint("c", 6, 0)))
    itinerary.shorten(1)
    itinerary.advance(at(6.0, 0.0))
    assert itinerary.reached == 0


def test_a_lift_is_ridden_before_anything_behind_it_is_reached():
    itinerary = Itinerary(
        (
            waypoint("lobby", 3, 0),
            waypoint("cabin", 0, 0),
            waypoint("cabin up", 0, 0, level=OFFICE, lift="lift_1"),
            waypoint("lobby up", 3, 0, level=OFFICE),
        )
    )
    itinerary.advance(at(0.0, 0.0))
    assert itinerary.reached == 1
    itinerary.advance(at(3.0, 0.0, OFFICE))
    assert itinerary.reached == 1
    itinerary.ride()
    itinerary.advance(at(3.0, 0.0, OFFICE))
    assert itinerary.reached == 3
