"""Short stories of a fleet, each lived again and again with a process dying at every point at which one can."""

import dataclasses
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from robot_ops.core.clock import to_ns
from robot_ops.core.errors import RequestError
from robot_ops.core.ids import PersonId, RobotId, TaskId
from robot_ops.dispatch.dispatcher import Dispatcher
from robot_ops.dispatch.ports import TaskView
from robot_ops.tasks.custody import CustodyKind, verify
from robot_ops.tasks.orders import MissionPhase
from robot_ops.tasks.requests import DeliveryRequest, TaskRequest
from robot_ops.tasks.status import TaskStatus
from robot_ops.testing.crash_stand import SPEED, CrashStand
from robot_ops.testing.fleet_stand import delivery, guidance
from robot_ops.testing.relay_site import KEEPER, relay_site

LIMIT_TICKS: Final = 4000
_QUIET_TICKS: Final = 16
_CUSTODIAN: Final = PersonId("mona")
_KEY_PAUSE: Final = 3.0  # s until a robot that was opened by key is switched on again
_REASON_WANTED: Final = frozenset({TaskStatus.FAILED, TaskStatus.CANCELED, TaskStatus.BLOCKED})


@dataclasses.dataclass(slots=True)
class Ask:
    """A client that asks for a task, and asks again until it has the answer."""

    request: TaskRequest
    answered: TaskId | None = None

    def step(self, stand: CrashStand) -> None:
        """Ask if it must."""
        if self.answered is None:
            stand.in_fleet(lambda fleet: self._ask(stand, fleet))

    def _ask(self, stand: CrashStand, fleet: Dispatcher) -> None:
        with stand.fuse.around("fleet", "answering a request"):
            answer = fleet.submit(self.request)
        self.answered = answer.task_id
        if isinstance(self.request, DeliveryRequest):
            stand.codes[(answer.task_id, self.request.sender)] = answer.sender_code
            stand.codes[(answer.task_id, self.request.recipient)] = answer.recipient_code
            stand.holders.setdefault(answer.task_id, self.request.sender)

    @property
    def is_done(self) -> bool:
        """Return whether nothing is left to do."""
        return self.answered is not None


@dataclasses.dataclass(slots=True)
class Cancel:
    """A client that cancels a task as soon as it is in a phase, until that has an answer."""

    of: Ask
    phase: MissionPhase | None
    is_done: bool = False

    def step(self, stand: CrashStand) -> None:
        """Cancel when it is time."""
        task = view_of(stand, self.of.answered)
        if not self.is_done and task is not None and (self.phase is None or task.phase is self.phase):
            stand.in_fleet(lambda fleet: self._cancel(stand, fleet, task.task_id))
        if task is not None and task.status.is_final:
            self.is_done = True

    def _cancel(self, stand: CrashStand, fleet: Dispatcher, task_id: TaskId) -> None:
        try:
            with stand.fuse.around("fleet", "answering a cancelation"):
                fleet.cancel(task_id, "not needed any more")
        except RequestError:
            pass  # it has ended
        self.is_done = True


@dataclasses.dataclass(slots=True)
class BreakDown:
    """A courier whose wheels stand still as soon as it carries a task's document; a custodian helps."""

    of: Ask
    broken: RobotId | None = None
    is_done: bool = False

    def step(self, stand: CrashStand) -> None:
        """Break it, and hand over what is blocked."""
        task = view_of(stand, self.of.answered)
        if task is None:
            return
        if self.broken is None and task.phase is MissionPhase.CARRYING:
            self.broken = task.robot
        if self.broken is not None:
            # somebody pushes it aside once the document is out
            stand.couriers[self.broken].navigator.fail_next[:] = [] if self.is_done else ["the wheels are blocked"]
        if task.status is TaskStatus.BLOCKED and not self.is_done:
            stand.in_fleet(lambda fleet: self._hand_over(stand, fleet, task.task_id))
        self.is_done = self.is_done or task.status.is_final

    def _hand_over(self, stand: CrashStand, fleet: Dispatcher, task_id: TaskId) -> None:
        try:
            with stand.fuse.around("fleet", "answering about a custodian"):
                stand.codes[(task_id, _CUSTODIAN)] = fleet.hand_over(task_id, _CUSTODIAN)
        except RequestError:
            return  # blocked by something else
        self.is_done = True


@dataclasses.dataclass(slots=True)
class KeyUsed:
    """A courier that dies with a task's document; somebody takes it out by key, an operator says so, it comes back."""

    of: Ask
    dead: RobotId | None = None
    is_told: bool = False
    back_ns: int | None = None

    def step(self, stand: CrashStand) -> None:
        """Let it die, empty it, tell the fleet, and switch it on again after a while."""
        task = view_of(stand, self.of.answered)
        if self.dead is None and task is not None and task.phase is MissionPhase.CARRYING and task.robot is not None:
            self.dead = task.robot
            for name in stand.site.robots[task.robot].model.compartments:
                stand.couriers[task.robot].compartments.empty_by_key(name)
            stand.holders[task.task_id] = _CUSTODIAN
        if self.dead is None or self.is_done:
            return
        courier, now_ns = stand.couriers[self.dead], stand.clock.now_ns()
        if self.back_ns is not None and now_ns >= self.back_ns:
            courier.down_until_ns, self.back_ns = now_ns, None
            return
        if courier.down_until_ns is None:
            courier.die()
        courier.down_until_ns = now_ns + to_ns(3600.0)
        if task is not None and not self.is_told:
            stand.in_fleet(lambda fleet: self._tell(stand, fleet, task.task_id))

    def _tell(self, stand: CrashStand, fleet: Dispatcher, task_id: TaskId) -> None:
        try:
            with stand.fuse.around("fleet", "answering about a key"):
                code = fleet.report_taken_out(task_id, _CUSTODIAN, operator="olga")
        except RequestError:
            return  # the fleet does not miss the robot yet
        stand.codes[(task_id, _CUSTODIAN)] = code
        self.is_told = True
        self.back_ns = stand.clock.now_ns() + to_ns(_KEY_PAUSE)

    @property
    def is_done(self) -> bool:
        """Return whether the robot is back."""
        return self.is_told and self.back_ns is None


@dataclasses.dataclass(slots=True)
class GuideFails:
    """Both guides fail at their next mission in a phase."""

    phase: MissionPhase
    is_done: bool = False

    def step(self, stand: CrashStand) -> None:
        """Arm them once."""
        if not self.is_done:
            stand.guides.robots[RobotId("guide_1")].fail_in = self.phase
            stand.guides.robots[RobotId("guide_2")].fail_in = self.phase
            self.is_done = True


@dataclasses.dataclass(slots=True)
class Keep:
    """The keeper of an exchange asks for the code as soon as a task's document is to change robots there."""

    of: Ask
    is_done: bool = False

    def step(self, stand: CrashStand) -> None:
        """Ask until there is an answer."""
        task = view_of(stand, self.of.answered)
        if task is not None and task.keeper is not None and not self.is_done:
            stand.in_fleet(lambda fleet: self._ask(stand, fleet, task.task_id))
        self.is_done = self.is_done or (task is not None and task.status.is_final)

    def _ask(self, stand: CrashStand, fleet: Dispatcher, task_id: TaskId) -> None:
        try:
            with stand.fuse.around("fleet", "answering a keeper"):
                stand.codes[(task_id, KEEPER)] = fleet.hand_over(task_id, KEEPER)
        except RequestError:
            return  # the view is older than the task
        self.is_done = True


Actor = Ask | Cancel | BreakDown | KeyUsed | GuideFails | Keep
Story = Callable[[], Sequence[Actor]]


def errand_story() -> Sequence[Actor]:
    """A document is delivered."""
    return (Ask(delivery("d1")),)


def delivery_story() -> Sequence[Actor]:
    """A document is delivered; a visitor is guided after a guide has failed on the way."""
    return (Ask(delivery("d1")), GuideFails(MissionPhase.TO_PICKUP), Ask(guidance("g1")))


def cancel_story() -> Sequence[Actor]:
    """A delivery is canceled with the document on board, a guidance while it is led, another while it is queued."""
    carried, led, queued = Ask(delivery("d1")), Ask(guidance("g1", language="fr")), Ask(guidance("g2", language="fr"))
    return (
        carried,
        led,
        queued,
        Cancel(carried, MissionPhase.CARRYING),
        Cancel(led, MissionPhase.LEADING),
        Cancel(queued, None),
    )


def break_down_story() -> Sequence[Actor]:
    """A courier breaks down with the document; a custodian takes it out, another courier brings it on."""
    carried = Ask(delivery("d1"))
    return (carried, BreakDown(carried), GuideFails(MissionPhase.LEADING), Ask(guidance("g1")))


def key_story() -> Sequence[Actor]:
    """A courier dies with the document; it is taken out by key and goes on with another, then the dead one is back."""
    carried = Ask(delivery("d1"))
    return (carried, KeyUsed(carried))


def relay_story() -> Sequence[Actor]:
    """A document changes couriers at an exchange, whose keeper has it in between."""
    carried = Ask(delivery("d1"))
    return (carried, Keep(carried))


def canceled_relay_story() -> Sequence[Actor]:
    """The same, canceled while the first courier gives the document to the keeper."""
    carried = Ask(delivery("d1"))
    return (carried, Keep(carried), Cancel(carried, MissionPhase.UNLOADING))


STORIES: Final[Mapping[str, Story]] = {
    "errand": errand_story,
    "delivery": delivery_story,
    "cancel": cancel_story,
    "break_down": break_down_story,
    "key": key_story,
    "relay": relay_story,
    "canceled_relay": canceled_relay_story,
}
_RELAYS: Final = frozenset({relay_story, canceled_relay_story})
"""Stories of a site with an exchange."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one life of a story went.

    Attributes:
        points: what was passed, in order.
        faults: what must not be, in words; empty when all holds.
    """

    points: Sequence[str]
    faults: Sequence[str]
    statuses: Mapping[TaskId, TaskStatus]


def lived(story: Story, folder: Path, behaviors: Path, *, target: int | None = None, is_pair: bool = False) -> Outcome:
    """Live a story to its end, with a crash at a point."""
    site = relay_site(SPEED) if story in _RELAYS else None
    with closing(CrashStand(folder, behaviors, target=target, is_pair=is_pair, site=site)) as stand:
        actors = story()
        quiet = 0
        for _ in range(LIMIT_TICKS):
            stand.tick()
            for actor in actors:
                actor.step(stand)
            quiet = quiet + 1 if _is_over(stand, actors) else 0
            if quiet > _QUIET_TICKS:
                break
        return Outcome(points=stand.fuse.points, faults=tuple(_faults(stand, actors)), statuses=_statuses(stand))


def enumerate_crashes(
    story: Story, behaviors: Path, *, folder: Path, is_pair: bool = False, every: int = 1
) -> Iterator[tuple[str, Outcome]]:
    """Live a story once without a crash, then once for each point that it passed; yield each point and its outcome.

    Args:
        behaviors: folder of the tree files.
        folder: takes each life's ledger and custody logs in turn.
        is_pair: all processes die together.
        every: only each so many-th point is tried.
    """
    undisturbed = _live(story, behaviors, folder, None, is_pair=is_pair)
    yield "no crash", undisturbed
    for target in range(0, len(undisturbed.points), every):
        outcome = _live(story, behaviors, folder, target, is_pair=is_pair)
        yield f"{target}: {outcome.points[target]}", outcome


def quick_behaviors(behaviors: Path, folder: Path) -> Path:
    """Copy the trees with a robot's patience cut short: one that is stuck says so after 20 s."""
    for file in behaviors.glob("*.xml"):
        text = file.read_text(encoding="utf-8").replace(
            '<GoToPlace place="{place}"/>', '<GoToPlace place="{place}" stuck="20"/>'
        )
        (folder / file.name).write_text(text, encoding="utf-8")
    return folder


def view_of(stand: CrashStand, task_id: TaskId | None) -> TaskView | None:
    """Return a task as people see it, None while nobody can tell."""
    if stand.fleet is None:
        return None
    return next((task for task in stand.fleet.tasks(with_finished=True) if task.task_id == task_id), None)


def _live(story: Story, behaviors: Path, folder: Path, target: int | None, *, is_pair: bool) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="crash-points-", dir=folder) as life:
        return lived(story, Path(life), behaviors, target=target, is_pair=is_pair)


def _is_over(stand: CrashStand, actors: Sequence[Actor]) -> bool:
    if stand.fleet is None or any(courier.down_until_ns is not None for courier in stand.couriers.values()):
        return False
    tasks = stand.fleet.tasks(with_finished=True)
    return all(actor.is_done for actor in actors) and all(task.status.is_final for task in tasks)


def _statuses(stand: CrashStand) -> dict[TaskId, TaskStatus]:
    tasks = () if stand.fleet is None else stand.fleet.tasks(with_finished=True)
    return {task.task_id: task.status for task in tasks}


def _faults(stand: CrashStand, actors: Sequence[Actor]) -> Iterator[str]:
    """Yield what must not be after a story, however its processes died."""
    yield from stand.unrecorded
    fleet = stand.fleet
    if fleet is None:
        yield "the fleet is not there"
        return
    tasks = {task.task_id: task for task in fleet.tasks(with_finished=True)}
    requests = [task.request.request_id for task in tasks.values()]
    if len(set(requests)) != len(requests):
        yield f"a request has become two tasks: {requests}"
    for ask in (actor for actor in actors if isinstance(actor, Ask)):
        if ask.answered is None or ask.answered not in tasks:
            yield f"{ask.request.request_id} was accepted and is lost ({ask.answered})"
    for task in tasks.values():
        if not task.status.is_final:
            yield f"{task.task_id} does not end: {task.status.value}, {task.reason}"
        if task.status in _REASON_WANTED and not task.reason:
            yield f"nobody knows why {task.task_id} is {task.status.value}"
    served = [task_id for task_id, _ in stand.guides.served]
    if len(set(served)) != len(served):
        yield f"visitors were led twice: {served}"
    yield from _custody_faults(stand, fleet, tasks)


def _custody_faults(stand: CrashStand, fleet: Dispatcher, tasks: Mapping[TaskId, TaskView]) -> Iterator[str]:
    receipts: list[TaskId] = []
    for robot, courier in stand.couriers.items():
        events = courier.custody.events()
        verify(events)
        copy = fleet.custody_of(robot)
        if tuple(copy) != events:
            yield f"the fleet's copy of {robot}'s chain has {len(copy)} events, the robot's {len(events)}"
        receipts += [event.task_id for event in events if event.kind is CustodyKind.RECEIPT]
        for name in stand.site.robots[robot].model.compartments:
            state = courier.compartments.state(name)
            if state is not None and not state.is_locked:
                yield f"compartment {name} of {robot} is left unlocked"
    if len(set(receipts)) != len(receipts):
        yield f"a document was received twice: {receipts}"
    for task_id, holder in stand.holders.items():
        task = tasks[task_id]
        request = task.request
        is_delivered = isinstance(request, DeliveryRequest) and holder == request.recipient
        if (task.status is TaskStatus.COMPLETED) != is_delivered:
            yield f"{task_id} is {task.status.value} ({task.reason}) and {holder} has its document"
        if task.status is TaskStatus.COMPLETED and task_id not in receipts:
            yield f"{task_id} is completed without a receipt"
