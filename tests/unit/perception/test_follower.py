import math
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_ops.core.clock import to_ns
from robot_ops.core.poses import Pose
from robot_ops.perception.follower import FollowerLimits, FollowerMonitor, FollowState, FollowStatus


@dataclass(frozen=True, kw_only=True)
class Point:
    track_id: int
    x: float
    y: float
    vx: float = 0.0
    vy: float = 0.0
    stamp_ns: int = 0
    is_confirmed: bool = True


ROBOT = Pose(x=0.0, y=0.0)


def locked(at: Point | None = None) -> FollowerMonitor:
    monitor = FollowerMonitor()
    assert monitor.lock(0, ROBOT, [at or Point(track_id=1, x=-1.0, y=0.0)])
    return monitor


def test_nobody_is_followed_before_a_lock() -> None:
    state = FollowerMonitor().update(0, ROBOT, [Point(track_id=1, x=1.0, y=0.0)])
    assert state.status is FollowStatus.UNLOCKED
    assert state.track_id is None


def test_locks_onto_the_nearest_confirmed_person_ahead_or_behind() -> None:
    monitor = FollowerMonitor()
    tracks = [
        Point(track_id=1, x=0.0, y=0.8),  # beside the robot
        Point(track_id=2, x=0.7, y=0.0, is_confirmed=False),
        Point(track_id=3, x=-1.2, y=0.2),
        Point(track_id=4, x=1.6, y=0.0),
    ]
    assert monitor.lock(0, ROBOT, tracks)
    assert monitor.update(0, ROBOT, tracks).track_id == 3


def test_locks_near_the_expected_place_when_told() -> None:
    monitor = FollowerMonitor()
    tracks = [Point(track_id=3, x=-1.2, y=0.2), Point(track_id=4, x=1.6, y=0.0)]
    assert monitor.lock(0, ROBOT, tracks, near=(1.5, 0.0))
    assert monitor.update(0, ROBOT, tracks).track_id == 4


def test_does_not_lock_onto_far_or_old_tracks() -> None:
    monitor = FollowerMonitor()
    assert not monitor.lock(0, ROBOT, [Point(track_id=1, x=2.5, y=0.0)])
    assert not monitor.lock(to_ns(5.0), ROBOT, [Point(track_id=1, x=1.0, y=0.0, stamp_ns=0)])
    assert not monitor.is_locked


def walk(monitor: FollowerMonitor, seconds: float, visitor_speed: float, robot_speed: float) -> FollowState:
    state = None
    for step in range(int(seconds * 5) + 1):
        t = step / 5
        robot = Pose(x=robot_speed * t, y=0.0)
        visitor = Point(track_id=1, x=-1.0 + visitor_speed * t, y=0.0, vx=visitor_speed, stamp_ns=to_ns(t))
        state = monitor.update(to_ns(t), robot, [visitor])
    assert state is not None
    return state


def test_following_lagging_and_stopped() -> None:
    assert walk(locked(), 10.0, 1.0, 1.0).status is FollowStatus.FOLLOWING
    slow = walk(locked(), 6.0, 0.5, 1.0)
    assert slow.status is FollowStatus.LAGGING
    assert slow.distance == pytest.approx(4.0)
    assert walk(locked(), 6.0, 0.0, 1.0).status is FollowStatus.STOPPED
    assert walk(locked(), 60.0, 0.0, 0.0).status is FollowStatus.FOLLOWING  # both wait together


def test_lost_only_after_the_timeout_and_returned_afterwards() -> None:
    monitor = locked()
    timeout = FollowerLimits().lost_timeout
    assert monitor.update(to_ns(timeout - 0.1), ROBOT, []).status is FollowStatus.FOLLOWING
    state = monitor.update(to_ns(timeout), ROBOT, [])
    assert state.status is FollowStatus.LOST
    assert (state.x, state.y) == (-1.0, 0.0)
    back_ns = to_ns(timeout + 1.0)
    assert (
        monitor.update(back_ns, ROBOT, [Point(track_id=7, x=-1.5, y=0.5, stamp_ns=back_ns)]).status
        is FollowStatus.RETURNED
    )
    later_ns = back_ns + to_ns(1.5)
    later = monitor.update(later_ns, ROBOT, [Point(track_id=7, x=-1.2, y=0.3, stamp_ns=later_ns)])
    assert later.status is FollowStatus.FOLLOWING
    assert later.track_id == 7


def test_a_bystander_is_never_taken_for_the_visitor() -> None:
    monitor = FollowerMonitor()
    both = [Point(track_id=1, x=-1.0, y=0.0), Point(track_id=2, x=-1.5, y=0.0)]
    assert monitor.lock(0, ROBOT, both)
    for step in range(1, 40):
        now_ns = to_ns(step / 5)
        state = monitor.update(now_ns, ROBOT, [Point(track_id=2, x=-1.0, y=0.0, stamp_ns=now_ns)])
    assert state.status is FollowStatus.LOST
    assert state.track_id == 1


def test_the_id_of_a_moving_visitor_may_change() -> None:
    monitor = locked()
    now_ns = to_ns(0.2)
    monitor.update(now_ns, ROBOT, [Point(track_id=1, x=-0.9, y=0.0, vx=1.0, stamp_ns=now_ns)])
    now_ns = to_ns(1.2)
    state = monitor.update(now_ns, ROBOT, [Point(track_id=9, x=0.1, y=0.0, vx=1.0, stamp_ns=now_ns)])
    assert (state.status, state.track_id) == (FollowStatus.FOLLOWING, 9)


def test_unlock_forgets() -> None:
    monitor = locked()
    monitor.unlock()
    assert monitor.update(0, ROBOT, [Point(track_id=1, x=-1.0, y=0.0)]).status is FollowStatus.UNLOCKED


@given(
    steps=st.lists(
        st.tuples(st.floats(0.0, 3.0), st.floats(-6.0, 6.0), st.floats(-6.0, 6.0), st.integers(1, 4), st.booleans()),
        max_size=20,
    )
)
def test_lost_exactly_when_unseen_for_the_timeout(steps: list[tuple[float, float, float, int, bool]]) -> None:
    monitor = locked()
    t = 0.0
    for pause, x, y, track_id, is_seen in steps:
        t += pause
        now_ns = to_ns(t)
        tracks = [Point(track_id=track_id, x=x, y=y, stamp_ns=now_ns)] if is_seen else []
        state = monitor.update(now_ns, ROBOT, tracks)
        assert (state.status is FollowStatus.LOST) == (state.unseen >= FollowerLimits().lost_timeout)
        assert math.isfinite(state.distance)


def test_limits_are_checked() -> None:
    with pytest.raises(ValueError, match="near_distance"):
        FollowerLimits(near_distance=4.0, lag_distance=3.0)
