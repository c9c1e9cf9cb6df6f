"""Problems that are at least as hard as one that failed a moment ago are hopeless, for a while; all others are not."""

from hypothesis import given
from hypothesis import strategies as st

from robot_ops.core.clock import to_ns
from robot_ops.core.ids import RobotId
from robot_ops.traffic.hopeless import Hopeless

ROBOTS = [RobotId(f"r{k}") for k in range(4)]
goals = st.dictionaries(st.sampled_from(ROBOTS), st.integers(0, 3))
cells = st.frozensets(st.integers(0, 5))


@given(goals, cells, goals, cells)
def test_only_what_is_as_hard_is_hopeless(failed, firm, wanted, taken):
    hopeless = Hopeless()
    hopeless.note(failed, firm, 500, 0)
    is_as_hard = all(wanted.get(robot) == goal for robot, goal in failed.items()) and firm <= taken
    assert hopeless.is_hopeless(wanted, taken, 500, to_ns(1.0)) == is_as_hard
    assert hopeless.is_hopeless(wanted, taken, 100, to_ns(1.0)) == is_as_hard


def test_a_longer_search_is_tried():
    hopeless = Hopeless()
    hopeless.note({ROBOTS[0]: 1}, [], 500, 0)
    assert not hopeless.is_hopeless({ROBOTS[0]: 1}, [], 4000, to_ns(1.0))


def test_it_is_forgotten_after_a_while_and_when_the_clock_is_set_back():
    hopeless = Hopeless()
    hopeless.note({ROBOTS[0]: 1}, [], 500, to_ns(100.0))
    assert hopeless.is_hopeless({ROBOTS[0]: 1}, [], 500, to_ns(109.0))
    assert not hopeless.is_hopeless({ROBOTS[0]: 1}, [], 500, to_ns(99.0))
    hopeless.note({ROBOTS[0]: 1}, [], 500, to_ns(100.0))
    assert not hopeless.is_hopeless({ROBOTS[0]: 1}, [], 500, to_ns(110.0))
