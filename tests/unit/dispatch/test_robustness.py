"""Random lives of a fleet: whatever happens, no accepted task is lost, every task ends, nothing is served twice."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from robot_ops.core.errors import LedgerError, RequestError
from robot_ops.core.ids import MissionId, PersonId, RobotId, TaskId
from robot_ops.dispatch.ports import RobotStatus
from robot_ops.site.model import Site
from robot_ops.tasks.book import TaskBook, replayed
from robot_ops.tasks.orders import MissionOrder, MissionPhase, MissionReport
from robot_ops.tasks.requests import Accepted
from robot_ops.tasks.routes import Clearance, RouteProgress
from robot_ops.tasks.status import TaskStatus
from robot_ops.testing.fleet_stand import FleetStand
from robot_ops.testing.memory_ledger import FailingLedger, MemoryLedger
from robot_ops.testing.small_site import small_site

SITE: Final[Site] = small_site()
ROBOTS: Final = tuple(SITE.robots)
_robot = st.sampled_from(ROBOTS)
_action = st.one_of(
    st.tuples(st.just("guide"), st.sampled_from(["en", "fr"]), st.integers(min_value=-3, max_value=3)),
    st.tuples(st.just("deliver"), st.integers(min_value=-3, max_value=3)),
    st.tuples(st.just("cancel"), st.integers(min_value=0, max_value=20)),
    st.tuples(st.just("run"), st.sampled_from([0.5, 3.0, 10.0, 30.0])),
    st.tuples(st.just("silent"), _robot, st.booleans()),
    st.tuples(st.just("stopped"), _robot, st.booleans()),
    st.tuples(st.just("fail"), _robot, st.sampled_from(MissionPhase)),
    st.tuples(st.just("restart_robot"), _robot),
    st.tuples(st.just("low"), _robot),
    st.tuples(st.just("restart_fleet")),
    st.tuples(st.just("replay_old_news")),
)


@dataclass
class Recorder:
    """Passes the fleet's input on and keeps it, to repeat old messages later."""

    stand: FleetStand

    def __post_init__(self) -> None:
        self.heard: list[RobotStatus | RouteProgress | MissionReport] = []

    def on_status(self, status: RobotStatus) -> None:
        self.heard.append(status)
        self.stand.fleet.on_status(status)

    def on_progress(self, progress: RouteProgress) -> None:
        self.stand.fleet.on_progress(progress)

    def on_report(self, report: MissionReport) -> None:
        self.heard.append(report)
        self.stand.fleet.on_report(report)

    def repeat(self) -> None:
        for message in self.heard[-200::3]:
            match message:
                case RobotStatus():
                    self.stand.fleet.on_status(message)
                case MissionReport():
                    self.stand.fleet.on_report(message)


class Life:
    """Carries out actions and checks what must always hold."""

    def __init__(self, stand: FleetStand) -> None:
        self.stand = stand
        self.recorder = Recorder(stand)
        self.accepted: list[TaskId] = []
        self.forgotten: set[TaskId] = set()
        """Done by robots that died before anybody heard of it: they are done again."""
        self.asked = 0
        self.unheard: set[RobotId] = set()

    def act(self, action: tuple) -> None:
        robots = self.stand.robots.robots
        match action:
            case ("guide", language, priority):
                self._submit(lambda name: self.stand.guide(name, language=language, priority=priority))
            case ("deliver", priority):
                self._submit(lambda name: self.stand.deliver(name, priority=priority))
            case ("cancel", index) if self.accepted:
                with contextlib.suppress(RequestError, LedgerError):
                    self.stand.fleet.cancel(self.accepted[index % len(self.accepted)], "changed plans")
            case ("run", seconds):
                self.run(seconds)
            case ("silent", robot, is_so):
                robots[robot].is_silent = is_so
            case ("stopped", robot, is_so):
                robots[robot].is_stopped = is_so
            case ("fail", robot, phase):
                robots[robot].fail_in = phase
            case ("restart_robot", robot):
                if robots[robot].is_silent or robot in self.unheard:
                    self.forgotten |= {task_id for task_id, by in self.stand.robots.served if by == robot}
                self.stand.robots.restart(robot)
            case ("low", robot):
                robots[robot].soc = 0.25
            case ("restart_fleet",):
                self.stand.restart_fleet()
            case ("replay_old_news",):
                self.recorder.repeat()

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / 0.5)):
            self.stand.clock.advance(0.5)
            self.stand.robots.work()
            self.stand.robots.speak(self.recorder)
            self.unheard = {name for name, robot in self.stand.robots.robots.items() if robot.is_silent}
            self.stand.fleet.step()

    def heal(self) -> None:
        """Let everything work again, and have custodians and staff take out documents that were left behind."""
        for task in self.stand.fleet.tasks(with_finished=False):
            if task.status is TaskStatus.BLOCKED:
                with contextlib.suppress(RequestError, LedgerError):
                    self.stand.fleet.hand_over(task.task_id, PersonId("mona"))
        for robot in self.stand.robots.robots.values():
            robot.is_silent = robot.is_stopped = False
            robot.fail_in, robot.remark = None, ""
            if robot.order is None:
                robot.loaded = ""

    def check_book(self) -> None:
        live = self.stand.fleet._context.book
        assert live == replayed(self.stand.ledger.events())
        assert set(self.accepted) <= set(live.tasks)

    def check_end(self) -> None:
        statuses = {task.task_id: task.status for task in self.stand.fleet.tasks(with_finished=True)}
        assert set(self.accepted) <= set(statuses)
        assert all(status.is_final for status in statuses.values()), statuses
        served = [task_id for task_id, _ in self.stand.robots.served]
        once = [task_id for task_id in served if task_id not in self.forgotten]
        assert len(once) == len(set(once)), served
        assert {task for task, status in statuses.items() if status is TaskStatus.COMPLETED} <= set(served)
        assert set(served) <= set(statuses)

    def _submit(self, submit: Callable[[str], Accepted]) -> None:
        name = f"request {self.asked}"
        self.asked += 1
        with contextlib.suppress(LedgerError):
            self.accepted.append(submit(name).task_id)


@example(
    actions=[
        ("guide", "en", 1),
        ("run", 3.0),
        ("silent", "guide_1", True),
        ("silent", "guide_2", True),
        ("run", 40.0),
        ("restart_robot", "guide_1"),
        ("restart_robot", "guide_2"),
    ]
)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(actions=st.lists(_action, min_size=5, max_size=40))
def test_no_task_is_lost_and_every_task_ends_once(actions: list[tuple]) -> None:
    life = Life(FleetStand(site=SITE))
    life.run(1.0)
    for action in actions:
        life.act(action)
        life.check_book()
    for _ in range(6):
        life.heal()
        life.run(100.0)
    life.check_end()


@example(  # a task whose acceptance has reached the disk, though the write failed, while nothing else waits
    actions=[("guide", "en", 0), ("replay_old_news",)], before=frozenset(), after=frozenset([0])
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    actions=st.lists(_action, min_size=5, max_size=25),
    before=st.frozensets(st.integers(min_value=0, max_value=60), max_size=15),
    after=st.frozensets(st.integers(min_value=0, max_value=60), max_size=15),
)
def test_nothing_is_lost_when_the_ledger_fails(
    actions: list[tuple], before: frozenset[int], after: frozenset[int]
) -> None:
    stand = FleetStand(site=SITE, ledger=FailingLedger(MemoryLedger(), fail_before=before, fail_after=after))
    life = Life(stand)
    life.run(1.0)
    for action in actions:
        life.act(action)
    for _ in range(6):
        life.heal()
        life.run(100.0)
    life.check_book()
    life.check_end()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(actions=st.lists(_action, min_size=5, max_size=25))
def test_a_book_recovered_at_any_event_goes_on_as_the_one_that_lived(actions: list[tuple]) -> None:
    life = Life(FleetStand(site=SITE))
    life.run(1.0)
    for action in actions:
        life.act(action)
    life.run(20.0)
    events = list(life.stand.ledger.events())
    assert len({event.event_id for event in events}) == len(events)
    lived = TaskBook()
    for index, event in enumerate(events):
        assert event.event_id == lived.next_event_id(event.subject)
        lived.apply(event)
        assert lived == replayed(events[: index + 1])


@settings(max_examples=10, deadline=None)
@given(actions=st.lists(_action, min_size=5, max_size=25))
def test_the_same_life_has_the_same_ledger(actions: list[tuple]) -> None:
    digests = []
    for _ in range(2):
        life = Life(FleetStand(site=SITE))
        for action in actions:
            life.act(action)
        life.run(30.0)
        digests.append(life.stand.fleet.ledger_digest)
    assert digests[0] == digests[1]


def test_orders_survive_a_restart_of_the_fleet_unchanged() -> None:
    stand = FleetStand(site=SITE)
    stand.run(1.0)
    for robot in ("courier_1", "courier_2"):
        stand.robots.robots[RobotId(robot)].is_stopped = False
    kept: list[MissionOrder] = []

    class Deaf:
        """A link that keeps orders and does nothing."""

        def start_mission(self, order: MissionOrder) -> None:
            kept.append(order)

        def cancel_mission(self, robot: RobotId, mission_id: MissionId, reason: str) -> None:
            raise AssertionError(mission_id)

        def send_clearance(self, clearance: Clearance) -> None:
            pass

    stand.fleet._context.link = Deaf()
    stand.deliver()
    stand.run(1.0)
    stand.restart_fleet()
    stand.fleet._context.link = Deaf()
    stand.run(3.0)
    assert len(kept) > 1
    assert len(set(kept)) == 1
