from hypothesis import given
from hypothesis import strategies as st

from robot_ops.core.clock import NS_PER_S
from robot_ops.simulation.scheduler import Alarm, Scheduler


@given(st.lists(st.floats(0.0, 10.0), max_size=20))
def test_actions_come_in_the_order_of_their_instants_and_of_asking(delays: list[float]) -> None:
    scheduler, seen = Scheduler(5), []
    for number, delay in enumerate(delays):
        scheduler.after(delay, lambda number=number: seen.append((scheduler.now_ns(), number)))

    scheduler.run(5 + 11 * NS_PER_S)

    assert seen == sorted(seen)
    assert sorted(number for _, number in seen) == list(range(len(delays)))
    assert scheduler.now_ns() == 5 + 11 * NS_PER_S


def test_an_action_may_ask_for_others_and_the_past_is_now() -> None:
    scheduler, seen = Scheduler(0), []
    scheduler.at(10, lambda: scheduler.at(3, lambda: seen.append(scheduler.now_ns())))

    scheduler.run(20)

    assert seen == [10]


def test_a_run_stops_when_told() -> None:
    scheduler, seen = Scheduler(0), []
    for stamp_ns in (1, 2, 3):
        scheduler.at(stamp_ns, lambda: seen.append(scheduler.now_ns()))

    scheduler.run(10, stops=lambda: len(seen) == 2)

    assert seen == [1, 2]
    assert scheduler.now_ns() == 2


def test_an_alarm_rings_once_at_the_earliest_instant_asked_for() -> None:
    scheduler, seen = Scheduler(0), []
    alarm = Alarm(scheduler, lambda: seen.append(scheduler.now_ns()))
    alarm.wake_at(50)
    alarm.wake_at(30)
    alarm.wake_at(40)
    assert alarm.is_set

    scheduler.run(100)

    assert seen == [30]
    assert not alarm.is_set


def test_a_canceled_alarm_does_not_ring_and_may_be_set_again() -> None:
    scheduler, seen = Scheduler(0), []
    alarm = Alarm(scheduler, lambda: seen.append(scheduler.now_ns()))
    alarm.wake_at(30)
    alarm.cancel()
    alarm.wake_at(60)

    scheduler.run(100)

    assert seen == [60]
