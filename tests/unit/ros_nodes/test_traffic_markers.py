"""What the markers of a scene show; the node that paints it is tested over DDS."""

import math
from dataclasses import replace

import pytest
from builtin_interfaces.msg import Time
from visualization_msgs.msg import Marker, MarkerArray

from robot_ops.core.ids import LaneId, LevelId, NodeId, RobotId, RouteId, ZoneId
from robot_ops.core.poses import LevelPose, Pose
from robot_ops.core.resources import shared_folder
from robot_ops.ros_nodes.traffic_markers import Circle, MarkerPainter, Scene
from robot_ops.ros_nodes.traffic_messages import TrafficPicture
from robot_ops.site.files import load_site
from robot_ops.site.model import Site
from robot_ops.tasks.routes import Clearance, Waypoint
from robot_ops.tasks.traffic_rules import TrafficRules
from robot_ops.traffic.waits import Wait

GUIDE, COURIER = RobotId("guide_1"), RobotId("courier_1")
OFFICE = LevelId("office")
STAMP = Time(sec=5)


@pytest.fixture(scope="module")
def site() -> Site:
    return load_site(shared_folder("sites") / "immigration_hall.yaml")


@pytest.fixture
def painter(site: Site) -> MarkerPainter:
    return MarkerPainter(site, (GUIDE, COURIER))


def named(message: MarkerArray, namespace: str, action: int = Marker.ADD) -> list[Marker]:
    return [marker for marker in message.markers if marker.ns == namespace and marker.action == action]


def way(site: Site, *nodes: NodeId) -> tuple[Waypoint, ...]:
    places = [site.nodes[node] for node in nodes]
    return tuple(Waypoint(node=each.id, level=each.level, x=each.x, y=each.y, speed_limit=1.0) for each in places)


def test_lanes_and_names_are_always_there(site: Site, painter: MarkerPainter) -> None:
    message = painter.paint(Scene(traffic=TrafficPicture()), STAMP)
    (lanes,) = named(message, "lanes")
    assert len(lanes.points) == 2 * len(site.lanes)
    assert (lanes.header.frame_id, lanes.header.stamp) == ("map", STAMP)
    names = {marker.text: marker for marker in named(message, "names")}
    assert set(names) == {GUIDE, COURIER}
    assert names[GUIDE].header.frame_id == "guide_1/base_link"
    assert names[GUIDE].frame_locked
    assert len(message.markers) == 3
    heights = {round(point.z, 2) for point in lanes.points}
    assert heights == {round(level.elevation + 0.02, 2) for level in site.levels.values()}


def test_the_whole_way_is_thin_and_what_is_cleared_thick(site: Site, painter: MarkerPainter) -> None:
    lane = next(iter(site.lanes.values()))
    onward = next(each for each in site.lanes.values() if each.start == lane.end and each.end != lane.start)
    clearance = Clearance(
        robot=GUIDE,
        stamp_ns=1,
        route_id=RouteId("r"),
        goal_seq=1,
        waypoints=way(site, lane.start, lane.end, onward.end),
        cleared=1,
    )
    message = painter.paint(Scene(traffic=TrafficPicture(clearances=(clearance,))), STAMP)
    (itinerary,), (cleared,) = named(message, "itineraries"), named(message, "clearances")
    assert (len(itinerary.points), len(cleared.points)) == (3, 2)
    assert cleared.scale.x > 2 * itinerary.scale.x
    message = painter.paint(Scene(traffic=TrafficPicture(clearances=(replace(clearance, cleared=0),))), STAMP)
    assert named(message, "clearances") == []
    assert [marker.id for marker in named(message, "clearances", Marker.DELETE)] == [itinerary.id]
    assert len(named(message, "itineraries")) == 1


def test_who_waits_is_tied_to_whom_it_waits_for(site: Site, painter: MarkerPainter) -> None:
    poses = {
        GUIDE: LevelPose(level=OFFICE, pose=Pose(x=1.0, y=2.0)),
        COURIER: LevelPose(level=OFFICE, pose=Pose(x=5.0, y=2.0)),
    }
    wait = Wait(robot=GUIDE, waits_for=(COURIER,), text="guide_1 waits for courier_1", since_ns=0)
    scene = Scene(traffic=TrafficPicture(waits=(wait,)), poses=poses)
    message = painter.paint(scene, STAMP)
    (arrow,), (reason,) = named(message, "waits"), named(message, "wait_reasons")
    assert [point.x for point in arrow.points] == [1.0, 5.0]
    assert all(point.z > site.levels[OFFICE].elevation for point in arrow.points)
    assert (reason.text, reason.pose.position.x) == (wait.text, 3.0)
    alone = replace(wait, waits_for=(), text="guide_1 is off the lanes")
    message = painter.paint(replace(scene, traffic=TrafficPicture(waits=(alone,))), STAMP)
    assert named(message, "waits") == []
    assert len(named(message, "waits", Marker.DELETE)) == 1
    assert named(message, "wait_reasons")[0].pose.position.x == 1.0
    unseen = painter.paint(Scene(traffic=TrafficPicture(waits=(wait,))), STAMP)
    assert named(unseen, "waits") == named(unseen, "wait_reasons") == []


def test_robots_off_the_lanes_have_a_circle_and_a_word_why(site: Site, painter: MarkerPainter) -> None:
    at = LevelPose(level=OFFICE, pose=Pose(x=1.0, y=2.0))
    circles = {
        GUIDE: Circle(at=at, radius=0.9, is_by_hand=True),
        COURIER: Circle(at=at, radius=0.6, is_by_hand=False),
        RobotId("stranger"): Circle(at=at, radius=0.6, is_by_hand=False),
    }
    message = painter.paint(Scene(traffic=TrafficPicture(), circles=circles), STAMP)
    by_hand, astray = named(message, "free_robots")
    assert (by_hand.scale.x, astray.scale.x) == (1.8, 1.2)
    assert by_hand.pose.position.z > site.levels[OFFICE].elevation
    assert [marker.text for marker in named(message, "free_reasons")] == ["driven by hand", "off the lanes"]
    calm = painter.paint(Scene(traffic=TrafficPicture()), STAMP)
    assert len(named(calm, "free_robots", Marker.DELETE)) == 2


def test_rules_in_force_are_seen(site: Site, painter: MarkerPainter) -> None:
    closed = LaneId(next(iter(site.lanes)))
    rules = TrafficRules(closed_lanes=frozenset({closed}), speed_limits={ZoneId("queue_west"): 0.3}, is_emergency=True)
    message = painter.paint(Scene(traffic=TrafficPicture(rules=rules)), STAMP)
    assert len(named(message, "closed_lanes")[0].points) == 2
    assert len(named(message, "lanes")[0].points) == 2 * (len(site.lanes) - 1)
    assert [marker.text for marker in named(message, "speed_limits")] == ["at most 0.3 m/s"]
    fire_lanes = [zone for zone in site.zones.values() if zone.kind == "fire_lane"]
    assert len(named(message, "fire_lanes")) == len(fire_lanes) > 0
    calm = painter.paint(Scene(traffic=TrafficPicture()), STAMP)
    gone = [marker.ns for marker in calm.markers if marker.action == Marker.DELETE]
    assert sorted(set(gone)) == ["closed_lanes", "fire_lanes", "slow_zones", "speed_limits"]


def test_every_marker_can_be_drawn(site: Site, painter: MarkerPainter) -> None:
    rules = TrafficRules(closed_lanes=frozenset(site.lanes), is_emergency=True)
    for marker in painter.paint(Scene(traffic=TrafficPicture(rules=rules)), STAMP).markers:
        assert math.isclose(marker.pose.orientation.w, 1.0)
        assert marker.color.a > 0.0
        assert max(marker.scale.x, marker.scale.z) > 0.0
