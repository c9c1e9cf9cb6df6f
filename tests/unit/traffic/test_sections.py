from hypothesis import given, settings
from hypothesis import strategies as st

from robot_ops.core.ids import PlaceId, RobotId
from robot_ops.testing.lane_world import LaneWorld, Trouble
from robot_ops.testing.lanes import lane_site
from robot_ops.traffic.conflicts import ConflictMap
from robot_ops.traffic.graph import LaneGraph
from robot_ops.traffic.sections import opposite

R0, R1, R2 = (RobotId(f"r{index}") for index in range(3))


def two_halls(*starts: str, bay: bool = False):
    """Two rings of four nodes, joined by a corridor from c0 to c7, in its middle perhaps a bay."""
    nodes = {f"c{k}": (3.0 * k, 0.0) for k in range(8)}
    for name, x in (("a", -3.0), ("b", 24.0)):
        nodes |= {
            f"{name}1": (x, -3.0),
            f"{name}2": (2 * x - (21.0 if name == "b" else 0.0), 0.0),
            f"{name}3": (x, 3.0),
        }
    lanes = [f"c{k} - c{k + 1}" for k in range(7)]
    for name, end in (("a", "c0"), ("b", "c7")):
        lanes += [f"{end} - {name}1", f"{name}1 - {name}2", f"{name}2 - {name}3", f"{name}3 - {end}"]
    if bay:
        nodes["bay"] = (9.0, 3.0)
        lanes.append("c3 - bay")
    return lane_site(nodes, lanes, starts=starts)


def test_a_corridor_is_one_section_and_a_bay_divides_it():
    graph = LaneGraph(two_halls("a2"))
    sections = ConflictMap(graph).sections
    there, back = graph.arc(graph.number["c1"], graph.number["c2"]), graph.arc(graph.number["c6"], graph.number["c5"])
    assert sections.is_opposite(there, back)
    assert not sections.is_opposite(there, there)
    assert sections.name(there) == "the narrow section c0 - c7"
    with_bay = LaneGraph(two_halls("a2", bay=True))
    divided = ConflictMap(with_bay).sections
    assert divided.way(with_bay.arc(with_bay.number["c3"], with_bay.number["bay"])) is None
    assert not divided.is_opposite(there, back)
    assert divided.name(there) == "the narrow section c0 - c3"


def test_the_other_way_twice_is_the_same_way():
    assert opposite(opposite((3, True))) == (3, True)


def test_nobody_is_cleared_against_another_who_turns_back_in_the_section():
    world = LaneWorld(two_halls("c3", "b2"))
    world.robots[R0].want(PlaceId("c4"))  # towards r1, and then back
    world.run(5.0)
    world.robots[R0].want(PlaceId("a2"))
    world.robots[R1].want(PlaceId("a1"))
    assert world.run(120.0, until=lambda: all(robot.has_arrived for robot in world.robots.values()))


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 1000), bay=st.booleans())
def test_in_a_section_all_are_cleared_the_same_way_and_everybody_gets_through(seed, bay):
    world = LaneWorld(two_halls("a1", "a3", "b1", "b3", bay=bay), seed=seed, trouble=Trouble(restart=0.002))
    goals = [PlaceId(name) for name in ("a1", "a2", "a3", "b1", "b2", "b3", "c3")]
    while world.seconds < 60.0:  # LaneWorld asserts the directions
        world.roam(goals)
        world.run(0.5)
    for robot, goal in zip(world.robots.values(), ("b2", "b1", "a2", "a1"), strict=True):
        robot.want(PlaceId(goal))
    assert world.run(400.0, until=lambda: all(robot.has_arrived for robot in world.robots.values()))
