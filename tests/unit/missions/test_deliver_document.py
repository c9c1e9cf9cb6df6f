from collections.abc import Callable
from pathlib import Path

import pytest

from robot_ops.core.ids import MissionId, PersonId, RouteId
from robot_ops.missions.location import waypoint_of
from robot_ops.missions.ports import AnnouncementKind
from robot_ops.tasks.custody import CustodyKind, verify
from robot_ops.tasks.orders import MissionOutcome, MissionPhase
from robot_ops.tasks.routes import Clearance
from robot_ops.testing.mission_bench import RECIPIENT_CODE, SENDER_CODE, MissionBench, delivery_order, find_route
from robot_ops.testing.mission_site import COURIER, OFFICE_DESK, SPOT
from robot_ops.testing.robot_body import MemoryCustodyLog

BEHAVIORS = Path(__file__).parents[3] / "behaviors"
LOADED = [CustodyKind.AUTHENTICATED, CustodyKind.UNLOCKED, CustodyKind.LOADED, CustodyKind.LOCKED]
DELIVERED = [CustodyKind.AUTHENTICATED, CustodyKind.UNLOCKED, CustodyKind.UNLOADED, CustodyKind.RECEIPT]
TAKEN_BACK = [CustodyKind.AUTHENTICATED, CustodyKind.UNLOCKED, CustodyKind.RETURNED]


class Staff:
    """Ada and Bob at the panel: they act a while after the screen asks them to."""

    def __init__(self, b: MissionBench, *, has_sender: bool = True, has_recipient: bool = True) -> None:
        self.b = b
        self.has_sender, self.has_recipient = has_sender, has_recipient
        self.delay = 2.0
        self._seen = (0, 0.0)
        b.on_tick.append(self)

    def __call__(self) -> None:
        b = self.b
        if not b.panel.shown:
            return
        index, since = self._seen
        if len(b.panel.shown) != index:
            self._seen = (len(b.panel.shown), b.clock.now_ns() / 1e9)
            return
        if b.clock.now_ns() / 1e9 - since < self.delay:
            return
        self._seen = (index, float("inf"))
        match b.panel.shown[-1].kind:
            case AnnouncementKind.AUTHENTICATE if b.agent.report.phase is MissionPhase.UNLOADING:
                if self.has_recipient:
                    b.panel.type_code("bob", RECIPIENT_CODE)
            case AnnouncementKind.AUTHENTICATE if self.has_sender:
                b.panel.type_code("ada", SENDER_CODE)
            case AnnouncementKind.LOAD:
                b.compartments.use("c1", is_occupied=True)
                b.panel.press_done()
            case AnnouncementKind.UNLOAD:
                b.compartments.use("c1", is_occupied=False)
                b.panel.press_done()


def bench(custody: MemoryCustodyLog | None = None, at=SPOT) -> MissionBench:
    b = MissionBench(COURIER, at, BEHAVIORS, custody=custody)

    def never_drive_open() -> None:
        has_moved = bench_pose[0] is not None and bench_pose[0] != b.navigator.pose
        bench_pose[0] = b.navigator.pose
        assert not has_moved or all(b.compartments.state(c).is_locked for c in ("c1", "c2"))

    bench_pose: list = [None]
    b.on_tick.append(never_drive_open)
    return b


def until(b: MissionBench, phase: MissionPhase) -> None:
    b.run_until(lambda: b.agent.report.phase is phase, within=900.0)


def test_a_document_is_fetched_carried_and_handed_over():
    b = bench()
    Staff(b)
    b.agent.start_mission(delivery_order())
    report = b.run_to_end()
    assert (report.outcome, report.reason, report.has_cargo) == (MissionOutcome.COMPLETED, "", False)
    assert b.custody_kinds == LOADED + DELIVERED
    verify(b.custody.events())
    assert b.compartments.log == ["unlock c1", "lock c1", "unlock c1", "lock c1"]
    assert b.pose.pose.distance_to(b.site.pose_at(OFFICE_DESK).pose) < 0.01  # undocked again
    carrying = [r for r in b.fleet.reports if r.phase is MissionPhase.CARRYING]
    assert all(r.has_cargo for r in carrying)


def test_wrong_codes_open_nothing_are_put_on_record_and_lock_out():
    b = bench()
    b.agent.start_mission(delivery_order())
    until(b, MissionPhase.LOADING)
    for person, code in [
        ("ada", "000000"),
        ("bob", SENDER_CODE),
        ("bob", RECIPIENT_CODE),
        ("ada", RECIPIENT_CODE),
        ("eve", ""),
    ]:
        b.panel.type_code(person, code)
        b.run(1.0)
    assert b.custody_kinds == [CustodyKind.REFUSED] * 5
    b.panel.type_code("ada", SENDER_CODE)
    b.run(1.0)
    assert b.panel.answers[-1][1:] == (False, "Too many wrong codes. Try again in 59 s")
    assert b.custody_kinds == [CustodyKind.REFUSED] * 5
    b.run(60.0)
    b.panel.type_code("ada", SENDER_CODE)
    b.run(1.0)
    assert b.panel.answers[-1][1:] == (True, "Thank you")
    assert b.custody_kinds[5:] == LOADED[:2]
    assert b.compartments.log == ["unlock c1"]


def test_each_entry_is_judged_once():
    b = bench()
    b.agent.start_mission(delivery_order())
    until(b, MissionPhase.LOADING)
    b.panel.type_code("ada", "000000")
    b.run(10.0)
    assert len(b.panel.answers) == 1


def test_while_the_custody_log_fails_nothing_opens_and_it_is_told():
    b = bench()
    staff = Staff(b)
    staff.delay = 1.0
    b.agent.start_mission(delivery_order())
    until(b, MissionPhase.LOADING)
    b.custody.is_broken = True
    b.run(20.0)
    assert b.compartments.log == []
    assert b.report.reason == "blocked: the custody log does not work: disk full"
    assert b.panel.answers == []
    b.custody.is_broken = False
    assert b.run_to_end().outcome is MissionOutcome.COMPLETED
    assert b.custody_kinds == LOADED + DELIVERED


def test_opening_waits_for_its_record():
    b = bench()
    Staff(b)
    b.agent.start_mission(delivery_order())
    b.custody.capacity = 1
    b.run(60.0)
    assert b.custody_kinds == LOADED[:1]
    assert b.compartments.log == []
    b.custody.capacity = 100
    b.run(2.0)
    assert b.compartments.log == ["unlock c1"]


def test_a_sender_who_does_not_come_ends_the_mission():
    b = bench()
    Staff(b, has_sender=False)
    b.agent.start_mission(delivery_order())
    report = b.run_to_end()
    assert (report.outcome, report.reason, report.has_cargo) == (MissionOutcome.FAILED, "sender did not come", False)
    assert b.custody_kinds == []


def test_a_recipient_who_does_not_come_sends_the_document_back():
    b = bench()
    Staff(b, has_recipient=False)
    b.agent.start_mission(delivery_order())
    report = b.run_to_end(within=1200.0)
    assert report.outcome is MissionOutcome.FAILED
    assert report.reason == "recipient did not come; returned to the sender"
    assert report.has_cargo is False
    assert MissionPhase.RETURNING in {r.phase for r in b.fleet.reports}
    assert b.custody_kinds == LOADED + TAKEN_BACK


def test_a_document_that_nobody_takes_stays_locked_and_is_told():
    b = bench()
    staff = Staff(b, has_recipient=False)
    b.agent.start_mission(delivery_order())
    until(b, MissionPhase.RETURNING)
    staff.has_sender = False
    report = b.run_to_end(within=1800.0)
    assert report.outcome is MissionOutcome.FAILED
    assert report.reason == (
        "recipient did not come; sender did not take the document back; the document is in compartment c1"
    )
    assert report.has_cargo is True


def test_the_robot_does_not_drive_with_an_open_lid():
    b = bench()
    Staff(b)
    b.agent.start_mission(delivery_order())
    b.run_until(lambda: b.compartments.log == ["unlock c1"])
    b.on_tick[-1].delay = 1e9
    b.run(320.0)
    assert b.report.outcome is MissionOutcome.FAILED
    assert b.report.reason == "sender did not load the document"
    docked = b.pose
    b.agent.start_mission(delivery_order("m2"))
    b.run(30.0)
    assert b.pose == docked  # at the very desk: it asks for the code there
    b.compartments.use("c1", is_occupied=False)
    b.run(1.0)
    assert b.compartments.log == ["unlock c1", "lock c1"]


def test_the_robot_does_not_make_way_with_an_open_lid_not_even_where_its_sensors_are_silent(monkeypatch):
    b = bench()
    b.compartments.unlock("c1")
    b.run(1.0)
    here, progress = b.pose, b.fleet.progress[-1]
    way = (
        waypoint_of(b.site.nodes[progress.held[0]]),
        *find_route(b.site, progress.held[0], b.site.node_of(OFFICE_DESK).id),
    )

    def make_way() -> None:
        now_ns, goal_seq = b.clock.now_ns(), b.fleet.progress[-1].goal_seq
        route = RouteId("aside")
        b.agent.on_clearance(
            Clearance(robot=COURIER, stamp_ns=now_ns, route_id=route, goal_seq=goal_seq, waypoints=way, cleared=1)
        )

    b.on_tick.append(make_way)
    b.run(10.0)
    assert b.pose == here
    with monkeypatch.context() as silent:
        silent.setattr(b.compartments, "state", lambda _compartment: None)
        b.run(10.0)
        assert b.pose == here
        assert "somebody must close compartment c1" in b.agent.waits_for
    b.compartments.use("c1", is_occupied=False)
    b.run(10.0)
    assert b.pose != here


@pytest.mark.parametrize(
    "is_reached",
    [
        lambda b: b.report.phase is MissionPhase.TO_PICKUP,
        lambda b: b.custody_kinds == LOADED[:2],
        lambda b: b.custody_kinds == LOADED,
        lambda b: b.report.phase is MissionPhase.CARRYING and b.pose.pose.x > 8.0,
        lambda b: b.custody_kinds == LOADED + DELIVERED[:2],
        lambda b: b.custody_kinds == LOADED + DELIVERED,
    ],
    ids=["on the way", "authenticated", "loaded", "carrying", "at the recipient", "delivered"],
)
def test_a_restarted_robot_goes_on_where_the_custody_log_ends(is_reached: Callable[[MissionBench], bool]):
    b = bench()
    Staff(b)
    b.agent.start_mission(delivery_order())
    b.run_until(lambda: is_reached(b))
    custody = b.custody
    again = MissionBench(COURIER, SPOT, BEHAVIORS, custody=custody)
    again.clock.advance(b.clock.now_ns() / 1e9)
    again.navigator.place_at(b.navigator.pose)
    if b.compartments.state("c1").is_occupied:
        again.compartments.unlock("c1")
        again.compartments.use("c1", is_occupied=True)
        again.compartments.lock("c1")
    Staff(again)
    again.agent.start_mission(delivery_order())
    report = again.run_to_end()
    assert report.outcome is MissionOutcome.COMPLETED
    kinds = [event.kind for event in custody.events()]
    assert kinds.count(CustodyKind.LOADED) == 1
    assert kinds.count(CustodyKind.RECEIPT) == 1
    verify(custody.events())


def test_a_returned_document_is_not_fetched_again_after_a_restart():
    b = bench()
    Staff(b, has_recipient=False)
    b.agent.start_mission(delivery_order())
    b.run_until(lambda: b.custody_kinds[-1:] == [CustodyKind.RETURNED], within=1200.0)
    again = MissionBench(COURIER, SPOT, BEHAVIORS, custody=b.custody)
    again.agent.start_mission(delivery_order())
    report = again.run_to_end()
    assert (report.outcome, report.reason) == (MissionOutcome.FAILED, "returned to the sender")


@pytest.mark.parametrize("phase", [MissionPhase.STARTING, MissionPhase.TO_PICKUP, MissionPhase.LOADING])
def test_canceled_before_the_document_is_aboard_it_just_ends(phase):
    b = bench()
    Staff(b, has_sender=False)
    b.agent.start_mission(delivery_order())
    until(b, phase)
    b.agent.cancel_mission(MissionId("m1"), "not needed")
    report = b.run_to_end()
    assert (report.outcome, report.reason) == (MissionOutcome.CANCELED, "not needed")
    assert b.custody_kinds == []


@pytest.mark.parametrize("phase", [MissionPhase.CARRYING, MissionPhase.UNLOADING])
def test_canceled_with_the_document_aboard_it_goes_back_to_the_sender(phase):
    b = bench()
    Staff(b, has_recipient=False)
    b.agent.start_mission(delivery_order())
    until(b, phase)
    b.run(3.0)
    b.agent.cancel_mission(MissionId("m1"), "not needed")
    b.agent.cancel_mission(MissionId("m1"), "not needed")
    b.run(1.0)
    assert b.report.phase is MissionPhase.RETURNING
    assert b.report.has_cargo is True
    report = b.run_to_end()
    assert (report.outcome, report.reason, report.has_cargo) == (MissionOutcome.CANCELED, "not needed", False)
    assert b.custody_kinds == LOADED + TAKEN_BACK


def test_canceled_while_returning_it_goes_on_returning():
    b = bench()
    Staff(b, has_recipient=False)
    b.agent.start_mission(delivery_order())
    until(b, MissionPhase.RETURNING)
    b.run(5.0)
    b.agent.cancel_mission(MissionId("m1"), "not needed")
    report = b.run_to_end(within=900.0)
    assert report.outcome is MissionOutcome.CANCELED
    assert b.custody_kinds == LOADED + TAKEN_BACK


def test_two_runs_are_alike_to_the_last_report():
    def run() -> tuple[object, ...]:
        b = bench()
        Staff(b)
        b.agent.start_mission(delivery_order())
        b.run_to_end()
        return (b.fleet.reports, b.fleet.progress, b.custody.events(), b.panel.shown, b.building.log)

    assert run() == run()


def test_a_tree_that_forgets_to_authenticate_opens_nothing(tmp_path):
    for file in BEHAVIORS.glob("*.xml"):
        text = file.read_text(encoding="utf-8")
        kept = [line for line in text.splitlines() if "<Authenticate" not in line]
        (tmp_path / file.name).write_text("\n".join(kept), encoding="utf-8")
    b = MissionBench(COURIER, SPOT, tmp_path)
    b.agent.start_mission(delivery_order())
    report = b.run_to_end()
    assert (report.outcome, report.reason) == (MissionOutcome.FAILED, "ada has not authenticated")
    assert b.compartments.log == []
    assert b.custody_kinds == []


def test_what_lies_in_a_compartment_is_not_shown_to_the_next_sender():
    b = bench()
    Staff(b)
    b.compartments.unlock("c1")
    b.compartments.use("c1", is_occupied=True)
    b.compartments.lock("c1")
    b.compartments.log.clear()
    b.agent.start_mission(delivery_order())
    report = b.run_to_end()
    assert (report.outcome, report.reason) == (MissionOutcome.FAILED, "compartment c1 is not empty")
    assert b.compartments.log == []


def test_an_idle_robot_locks_what_stands_unlocked_as_after_a_crash():
    b = bench()
    b.compartments.unlock("c2")
    b.run(1.0)
    b.compartments.use("c2", is_occupied=False)
    b.run(1.0)
    assert b.compartments.log == ["unlock c2", "lock c2"]


def test_a_restart_between_taking_and_receipt_asks_for_the_receipt_again_and_opens_nothing():
    b = bench()
    Staff(b)
    b.agent.start_mission(delivery_order())
    until(b, MissionPhase.UNLOADING)
    b.custody.capacity = len(LOADED) + 3  # the disk is full after "unloaded"
    b.run(60.0)
    assert b.custody_kinds == [*LOADED, *DELIVERED[:3]]
    b.custody.capacity = 100
    again = MissionBench(COURIER, OFFICE_DESK, BEHAVIORS, custody=b.custody)
    again.agent.start_mission(delivery_order(has_cargo=True))
    again.run(5.0)
    assert (again.report.phase, again.report.has_cargo) == (MissionPhase.UNLOADING, False)
    assert again.panel.kinds[-1] is AnnouncementKind.AUTHENTICATE
    Staff(again)
    report = again.run_to_end()
    assert (report.outcome, report.reason) == (MissionOutcome.COMPLETED, "")
    assert again.compartments.log == []
    assert again.custody_kinds == [*LOADED, *DELIVERED[:3], CustodyKind.AUTHENTICATED, CustodyKind.RECEIPT]


def test_a_receipt_that_nobody_gives_is_a_named_outcome():
    custody = MemoryCustodyLog(COURIER)
    for kind in [*LOADED, *DELIVERED[:3]]:
        custody.record(
            kind=kind, task_id=delivery_order().task_id, person=PersonId("bob"), compartment="c1", stamp_ns=1
        )
    b = MissionBench(COURIER, OFFICE_DESK, BEHAVIORS, custody=custody)
    b.agent.start_mission(delivery_order(has_cargo=True))
    report = b.run_to_end()
    assert report.outcome is MissionOutcome.FAILED
    assert report.reason == "the recipient took the document and did not confirm it"
    assert report.has_cargo is False
    assert b.compartments.log == []


def test_a_robot_without_a_record_does_not_fetch_again_what_the_fleet_knows_to_be_loaded():
    b = bench()
    Staff(b)
    b.agent.start_mission(delivery_order(has_cargo=True))
    report = b.run_to_end()
    assert report.outcome is MissionOutcome.FAILED
    assert report.reason == "the robot has forgotten the document: its custody log does not tell of it"
    assert b.custody_kinds == []
    assert b.navigator.driven_to == []


def test_a_resumed_delivery_tells_of_its_document_from_the_first_report_on():
    b = bench()
    Staff(b)
    b.agent.start_mission(delivery_order())
    until(b, MissionPhase.CARRYING)
    again = MissionBench(COURIER, SPOT, BEHAVIORS, custody=b.custody)
    again.agent.start_mission(delivery_order(has_cargo=True))
    assert [report.has_cargo for report in again.fleet.reports] == [True]
