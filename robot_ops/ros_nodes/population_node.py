"""Lets a simulated population talk to the real system, over the same services that kiosks and panels use."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from rclpy.client import Client
from rclpy.node import Node
from rclpy.task import Future
from robot_ops_interfaces.msg import Announcement as AnnouncementMsg
from robot_ops_interfaces.msg import RobotStatus, TaskArray
from robot_ops_interfaces.srv import Authenticate, Confirm, HandOver, SubmitTask

from robot_ops.core.errors import RequestError
from robot_ops.core.ids import PersonId, RobotId, TaskId
from robot_ops.core.poses import LevelPose
from robot_ops.core.world import PersonPose
from robot_ops.missions.ports import Announcement
from robot_ops.ros_nodes.conversions import from_time
from robot_ops.ros_nodes.qos import STATE
from robot_ops.ros_nodes.vocabulary import from_announcement, to_request
from robot_ops.tasks.desk import Desk
from robot_ops.tasks.requests import Accepted, TaskRequest

_RETRY: Final = 2.0  # s between two tries of a request that got no answer


class Population(Protocol):
    """The people of a simulation."""

    def step(self, now_ns: int, robots: Mapping[RobotId, LevelPose], desk: Desk) -> None:
        """Let everybody act until `now_ns`, given where the robots really are."""
        ...

    def hear(self, robot: RobotId, announcement: Announcement, now_ns: int) -> None:
        """Let people see what a robot's screen says."""
        ...

    def accepted(self, request_id: str, answer: Accepted, now_ns: int) -> None:
        """Tell whoever asked that the request was accepted."""
        ...

    def make_keeper(self, person: PersonId, task_id: TaskId, code: str, now_ns: int) -> None:
        """Have a member of staff take the task's document at an exchange, and give it to the next robot there."""
        ...

    def refused(self, request_id: str, now_ns: int) -> None:
        """Tell whoever asked that the request was refused."""
        ...

    def people(self) -> tuple[PersonPose, ...]:
        """Return where everybody who walks is."""
        ...


class PopulationNode(Node):
    """The population's kiosks, phones and fingers.

    People come once the fleet takes tasks and every robot has reported, so that nobody asks a closed counter.

    Args:
        robots: the robots that take part.
        has_keepers: the site has exchanges, whose keepers are to be told their codes.
    """

    def __init__(self, population: Population, robots: Sequence[RobotId], *, has_keepers: bool = False) -> None:
        super().__init__("population")
        self._population = population
        self._missing = set(robots)
        self._submit: Client[Any, Any] = self.create_client(SubmitTask, "/fleet/submit_task")
        self._authenticate = {robot: self.create_client(Authenticate, f"/{robot}/authenticate") for robot in robots}
        self._confirm = {robot: self.create_client(Confirm, f"/{robot}/confirm") for robot in robots}
        self._unanswered: dict[str, tuple[TaskRequest, int]] = {}
        self._robots: Mapping[RobotId, LevelPose] = {}
        self._now_ns = 0
        self.started_ns: int | None = None
        if has_keepers:
            self._hand_over: Client[Any, Any] = self.create_client(HandOver, "/fleet/hand_over")
            self._told: set[tuple[str, str]] = set()
            self.create_subscription(TaskArray, "/fleet/tasks", self._on_tasks, STATE)
        for robot in robots:
            self.create_subscription(AnnouncementMsg, f"/{robot}/announce", self._on_announcement, STATE)
            self.create_subscription(RobotStatus, f"/{robot}/status", self._on_status, STATE)

    def step(self, now_ns: int, robots: Mapping[RobotId, LevelPose]) -> tuple[PersonPose, ...]:
        """Let everybody act and return where they are; called by the world at every step."""
        self._now_ns = now_ns
        if self.started_ns is None:
            if self._missing or not self._submit.service_is_ready():
                return ()
            self.started_ns = now_ns
            self.get_logger().info("the doors are open")
        self._population.step(now_ns, robots, self)
        for request, asked_ns in list(self._unanswered.values()):
            if now_ns - asked_ns > _RETRY * 1e9 and self._submit.service_is_ready():
                self.submit(request)
        return self._population.people()

    def submit(self, request: TaskRequest) -> None:
        """See Desk. Repeated until there is an answer; the request id makes that harmless."""
        self._unanswered[request.request_id] = (request, self._now_ns)
        future = self._submit.call_async(SubmitTask.Request(request=to_request(request)))
        future.add_done_callback(self._answered(request.request_id))

    def enter_code(self, robot: RobotId, person: PersonId, code: str) -> None:
        """See Desk."""
        self._authenticate[robot].call_async(Authenticate.Request(person=str(person), code=code))

    def press_done(self, robot: RobotId, person: PersonId) -> None:
        """See Desk."""
        self._confirm[robot].call_async(Confirm.Request(person=str(person)))

    def _answered(self, request_id: str) -> Callable[[Future[Any]], None]:
        def take(future: Future[Any]) -> None:
            answer = future.result()
            if answer is None or self._unanswered.pop(request_id, None) is None:
                return
            if not answer.is_accepted:
                self.get_logger().error(f"request {request_id} was refused: {answer.error}")
                self._population.refused(request_id, self._now_ns)
                return
            accepted = Accepted(
                task_id=TaskId(answer.task_id),
                estimated_finish_ns=from_time(answer.estimated_finish),
                sender_code=answer.sender_code,
                recipient_code=answer.recipient_code,
            )
            self._population.accepted(request_id, accepted, self._now_ns)

        return take

    def _on_tasks(self, message: TaskArray) -> None:
        """Ask for the codes of keepers, as somebody at the console does; what gets no answer is asked again later."""
        for task in message.tasks:
            key = (task.task_id, task.keeper)
            if task.keeper and key not in self._told and self._hand_over.service_is_ready():
                self._told.add(key)
                future = self._hand_over.call_async(HandOver.Request(task_id=task.task_id, custodian=task.keeper))
                future.add_done_callback(self._told_code(key))

    def _told_code(self, key: tuple[str, str]) -> Callable[[Future[Any]], None]:
        def take(future: Future[Any]) -> None:
            answer, (task_id, keeper) = future.result(), key
            if answer is None or not answer.is_accepted:
                self._told.discard(key)
                return
            self._population.make_keeper(PersonId(keeper), TaskId(task_id), answer.code, self._now_ns)

        return take

    def _on_announcement(self, message: AnnouncementMsg) -> None:
        try:
            announcement = from_announcement(message)
        except (ValueError, RequestError) as error:
            self.get_logger().error(f"announcement of {message.robot} is not understood: {error}")
            return
        self._population.hear(RobotId(message.robot), announcement, self._now_ns)

    def _on_status(self, message: RobotStatus) -> None:
        if message.is_localized:
            self._missing.discard(RobotId(message.robot))
