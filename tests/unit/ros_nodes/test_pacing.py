import pytest

from robot_ops.core.clock import to_ns
from robot_ops.ros_nodes.pacing import Pacer, Rhythm


def test_rhythm_is_due_once_a_period_and_skips_what_was_missed() -> None:
    rhythm = Rhythm(0.1, 0.5)
    due = [t for t in range(0, 1000, 20) if rhythm.is_due(t * 1_000_000)]
    assert due == [60, 160, 260, 360, 460, 560, 660, 760, 860, 960]
    assert rhythm.is_due(5_000_000_000)
    assert not rhythm.is_due(5_020_000_000)


@pytest.mark.parametrize("speed", [0.5, 1.0, 3.0, 10.0])
def test_simulated_time_keeps_up_with_real_time_and_is_never_behind(speed: float) -> None:
    pacer, ticks, now = Pacer(0.02, speed), 0, 0.0
    while now < 20.0:
        ticks += pacer.ticks_due(to_ns(now))
        now += pacer.period
        if now > 1.0:
            assert now * speed <= ticks * 0.02 + 1e-6
            assert ticks * 0.02 < now * speed + 0.2


def test_a_held_up_world_catches_up_at_twice_the_speed_at_most() -> None:
    pacer, ticks = Pacer(0.02, 1.0), 0
    for call in range(100):
        ticks += pacer.ticks_due(to_ns(call * 0.02))
    behind = 2.0 + 3.0  # nothing for three seconds
    for call in range(400):
        due = pacer.ticks_due(to_ns(behind + call * 0.02))
        assert due <= 2
        ticks += due
    assert ticks * 0.02 == pytest.approx(behind + 400 * 0.02 + 0.1, abs=0.05)


def test_what_is_lost_for_too_long_is_not_made_up_for() -> None:
    pacer = Pacer(0.02, 1.0)
    pacer.ticks_due(0)
    ticks = sum(pacer.ticks_due(to_ns(1000.0)) for _ in range(2000))
    assert ticks * 0.02 < 6.0
