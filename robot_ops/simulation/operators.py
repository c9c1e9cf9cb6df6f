"""The operator of the hall: sees to documents that lie in robots which cannot go on."""

from typing import TYPE_CHECKING, Final

from robot_ops.core.clock import seconds_between
from robot_ops.core.errors import LedgerError, LinkError, RequestError
from robot_ops.core.ids import PersonId, RobotId, TaskId
from robot_ops.dispatch.ports import Alarm as FleetAlarm
from robot_ops.dispatch.ports import TaskView
from robot_ops.missions.ports import NavigationStatus
from robot_ops.simulation.scheduler import Alarm
from robot_ops.tasks.requests import DeliveryRequest

if TYPE_CHECKING:
    from robot_ops.simulation.deterministic import DeterministicRun

_ROUND: Final = 30.0  # s between two looks at the console
_PATIENCE: Final = 90.0  # s that an alarm is up before somebody walks there
_DOCUMENT: Final = "document/"
_NAME: Final = "operator"


class HallOperator:
    """Looks at the console's alarms now and then."""

    def __init__(self, run: "DeterministicRun") -> None:
        self._run = run
        self._alarm = Alarm(run.scheduler, self._look)
        self._dead_since: dict[RobotId, int] = {}
        self._open_since: dict[tuple[RobotId, str], int] = {}
        self._by_key: dict[TaskId, tuple[RobotId, PersonId]] = {}  # what the fleet may not know yet

    def begin(self) -> None:
        """Begin the shift."""
        self._alarm.wake(_ROUND)

    def _look(self) -> None:
        self._alarm.wake(_ROUND)
        dispatcher = self._run.fleet.dispatcher
        if dispatcher is None:
            return
        now_ns = self._run.scheduler.now_ns()
        alarms = [alarm for alarm in dispatcher.alarms() if alarm.alarm_id.startswith(_DOCUMENT)]
        tasks = dispatcher.tasks(with_finished=bool(alarms or self._by_key))
        for alarm in alarms:
            if seconds_between(alarm.since_ns, now_ns) >= _PATIENCE:
                self._see_to(alarm, tasks)
        self._see_to_dead_robots(tasks, now_ns)
        self._close_lids(now_ns)

    def _close_lids(self, now_ns: int) -> None:
        """Press down the lids that were left open; robots say so."""
        left_open = [
            (robot, compartment)
            for robot, station in self._run.stations.items()
            if station.agent is not None and not station.is_with_somebody
            for compartment in self._run.banks.open_compartments(robot)
        ]
        self._open_since = {lid: self._open_since.get(lid, now_ns) for lid in left_open}
        for (robot, compartment), since_ns in self._open_since.items():
            if seconds_between(since_ns, now_ns) >= _PATIENCE:
                self._run.banks.close_lid(robot, compartment)
                self._run.stations[robot].wake()

    def _see_to_dead_robots(self, tasks: tuple[TaskView, ...], now_ns: int) -> None:
        """Open with the key what is dead, or was carried out, and tell the fleet who has the document."""
        dead = {robot: station for robot, station in self._run.stations.items() if station.is_dead}
        self._dead_since = {robot: self._dead_since.get(robot, now_ns) for robot in dead}
        for task in tasks:
            if task.task_id in self._by_key:
                self._take_by_key(task, *self._by_key[task.task_id])
                continue
            robot = task.key_robot
            if robot in dead and seconds_between(self._dead_since[robot], now_ns) >= _PATIENCE:
                self._open(task, robot)

    def _open(self, task: TaskView, robot: RobotId) -> None:
        """Look into a robot with the key, and tell the fleet who has the document if it lies there."""
        if not isinstance(task.request, DeliveryRequest):
            return
        person = self._custodian(task.request)
        if person is not None and self._compartment_of(robot, task.request.document) is not None:
            self._by_key[task.task_id] = robot, person
            self._take_by_key(task, robot, person)

    def _take_by_key(self, task: TaskView, robot: RobotId, person: PersonId) -> None:
        request = task.request
        if not isinstance(request, DeliveryRequest):
            return
        try:
            code = self._run.fleet.call(lambda fleet: fleet.report_taken_out(task.task_id, person, operator=_NAME))
        except (LinkError, LedgerError):
            return  # perhaps it is on record: the operator says it again at the next look
        except RequestError:
            del self._by_key[task.task_id]
            return
        del self._by_key[task.task_id]
        compartment = self._compartment_of(robot, request.document)
        if compartment is not None:
            self._run.banks.of(robot).open_by_key(compartment)
        if code:
            self._run.population.make_custodian(person, task.task_id, code, request.document)

    def _compartment_of(self, robot: RobotId, document: str) -> str | None:
        bank = self._run.banks.of(robot)
        return next((name for name in bank.compartments if bank.document(name) == document), None)

    def _see_to(self, alarm: FleetAlarm, tasks: tuple[TaskView, ...]) -> None:
        robot = RobotId(alarm.alarm_id.removeprefix(_DOCUMENT))
        deliveries = [task for task in tasks if isinstance(task.request, DeliveryRequest)]
        carried = [task for task in deliveries if task.robot == robot and not task.status.is_final]
        for task in carried:
            self._hand_over(task)
        if carried or not self._stands_idle(robot):
            return
        known = [task for task in deliveries if task.key_robot == robot]
        for task in known:
            if task.task_id not in self._by_key:
                self._open(task, robot)
        if not known:
            self._run.banks.of(robot).empty()
            self._run.stations[robot].wake()

    def _stands_idle(self, robot: RobotId) -> bool:
        """Return whether somebody who comes to the robot finds it dead, or without a task and standing."""
        station = self._run.stations[robot]
        if station.is_dead:
            return True
        if station.agent is None or station.body.status is NavigationStatus.ACTIVE:
            return False
        report = station.agent.report
        return report is None or report.task_id is None or not station.agent.is_busy

    def _hand_over(self, task: TaskView) -> None:
        request = task.request
        if not isinstance(request, DeliveryRequest):
            return
        custodian = self._custodian(request)
        if custodian is None:
            return
        try:
            code = self._run.fleet.call(lambda fleet: fleet.hand_over(task.task_id, custodian))
        except (LinkError, LedgerError, RequestError):
            return  # not that way, or not now: the alarm stays
        self._run.population.make_custodian(custodian, task.task_id, code, request.document)

    def _custodian(self, request: DeliveryRequest) -> PersonId | None:
        """Return the first member of staff who is neither sender nor recipient."""
        return next(
            (person for person in self._run.site.staff if person not in (request.sender, request.recipient)), None
        )
