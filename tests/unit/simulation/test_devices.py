import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_ops.core.clock import to_ns
from robot_ops.core.errors import StateError
from robot_ops.core.ids import LevelId
from robot_ops.core.world import DoorPosition
from robot_ops.simulation.devices import Battery, Door, Lift
from robot_ops.site.model import RobotKind, RobotModel

HALL, OFFICE = LevelId("hall"), LevelId("office")
STEP = 0.1
MODEL = RobotModel(
    id="m",
    kind=RobotKind.COURIER,
    radius=0.3,
    max_speed=1.0,
    max_acceleration=0.6,
    max_yaw_rate=1.0,
    compartments=("1",),
    battery_wh=100.0,
    idle_w=40.0,
    drive_w=60.0,
    charge_w=300.0,
)


def pass_time(device: Door | Lift, start: float, duration: float, *, is_obstructed: bool = False) -> float:
    now = start
    for _ in range(round(duration / STEP)):
        now += STEP
        device.advance(to_ns(now), STEP, is_obstructed=is_obstructed)
    return now


def test_door_opens_on_request_and_closes_a_while_after() -> None:
    door = Door()
    door.request("guide_1", is_needed=True, now_ns=0)
    now = pass_time(door, 0.0, 0.5)
    assert door.position is DoorPosition.MOVING
    now = pass_time(door, now, 2.0)
    assert door.position is DoorPosition.OPEN
    now = pass_time(door, now, 5.0)
    assert door.position is DoorPosition.CLOSED


def test_door_stays_open_while_something_stands_in_it() -> None:
    door = Door()
    door.request("guide_1", is_needed=True, now_ns=0)
    now = pass_time(door, 0.0, 2.5)
    door.request("guide_1", is_needed=False, now_ns=to_ns(now))
    now = pass_time(door, now, 20.0, is_obstructed=True)
    assert door.position is DoorPosition.OPEN
    pass_time(door, now, 3.0)
    assert door.position is DoorPosition.CLOSED


def lift() -> Lift:
    return Lift({HALL: 0.0, OFFICE: 4.5})


def hold(machine: Lift, session: str, level: LevelId, start: float, duration: float, **kwargs: bool) -> float:
    now = start
    for _ in range(round(duration)):
        machine.request(session, level, is_needed=True, now_ns=to_ns(now))
        now = pass_time(machine, now, 1.0, **kwargs)
    return now


def test_lift_travels_with_closed_doors_and_opens_at_the_wanted_level() -> None:
    machine = lift()
    now = hold(machine, "guide_1", HALL, 0.0, 3)
    assert machine.reading.is_open
    assert machine.reading.session == "guide_1"
    hold(machine, "guide_1", OFFICE, now, 12)
    assert (machine.reading.level, machine.reading.is_open, machine.height) == (OFFICE, True, 4.5)
    assert machine.openness(HALL) == 0.0


def test_only_the_holder_of_the_lift_is_heard() -> None:
    machine = lift()
    now = hold(machine, "guide_1", HALL, 0.0, 3)
    machine.request("guide_2", OFFICE, is_needed=True, now_ns=to_ns(now))
    machine.request("guide_2", OFFICE, is_needed=False, now_ns=to_ns(now))
    assert machine.reading.session == "guide_1"
    machine.request("guide_1", HALL, is_needed=False, now_ns=to_ns(now))
    assert machine.reading.session == ""
    hold(machine, "guide_2", OFFICE, now, 12)
    assert (machine.reading.level, machine.reading.session) == (OFFICE, "guide_2")


def test_a_session_whose_holder_falls_silent_ends() -> None:
    machine = lift()
    machine.request("guide_1", HALL, is_needed=True, now_ns=0)
    pass_time(machine, 0.0, 11.0)
    assert machine.reading.session == ""
    with pytest.raises(StateError):
        machine.request("guide_1", LevelId("cellar"), is_needed=True, now_ns=0)


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.sampled_from([HALL, OFFICE]), st.booleans(), st.booleans())))
def test_the_cabin_never_moves_with_a_door_open(requests: list[tuple[str, LevelId, bool, bool]]) -> None:
    machine, now = lift(), 0.0
    for session, level, is_needed, is_obstructed in requests:
        machine.request(session, level, is_needed=is_needed, now_ns=to_ns(now))
        for _ in range(7):
            height, was_open = machine.height, max(machine.openness(HALL), machine.openness(OFFICE)) > 0
            now += STEP
            machine.advance(to_ns(now), STEP, is_obstructed=is_obstructed)
            if machine.height != height:
                assert not was_open
                assert machine.openness(HALL) == machine.openness(OFFICE) == 0.0
            if was_open and is_obstructed:
                assert max(machine.openness(HALL), machine.openness(OFFICE)) > 0


def test_battery_drains_faster_while_driving_and_charges_at_the_charger() -> None:
    resting, driving = Battery(MODEL, 0.5), Battery(MODEL, 0.5)
    resting.advance(3600.0, drive=0.0, is_docked=False)
    driving.advance(1800.0, drive=1.0, is_docked=False)
    assert resting.reading.soc == pytest.approx(0.1)
    assert driving.reading.soc == 0.0
    assert not resting.reading.is_charging
    driving.advance(3600.0 * 0.2, drive=0.0, is_docked=True)
    assert driving.reading.is_charging
    assert driving.reading.soc == pytest.approx(0.52)
    driving.advance(36000.0, drive=0.0, is_docked=True)
    assert driving.reading.soc == 1.0
    assert driving.reading.voltage > resting.reading.voltage
