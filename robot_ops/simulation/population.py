"""Everybody in the hall who is no robot: visitors with a ticket, people passing through, staff at their desks."""

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from robot_ops.core.clock import seconds_between, to_ns
from robot_ops.core.ids import LevelId, PersonId, PlaceId, RobotId, TaskId
from robot_ops.core.poses import LevelPose, Pose
from robot_ops.core.world import PersonPose
from robot_ops.missions.ports import Announcement
from robot_ops.simulation.crowd import Crowd, Disk
from robot_ops.simulation.demand import DocumentWish, VisitWish, documents, visits
from robot_ops.simulation.passers_by import PassersBy
from robot_ops.simulation.scenario import Scenario
from robot_ops.simulation.staff import Clerk, Hands
from robot_ops.simulation.visitors import Visitor, VisitorState
from robot_ops.tasks.desk import Desk
from robot_ops.tasks.requests import Accepted, DeliveryRequest, GuidanceRequest, TaskRequest
from robot_ops.tasks.status import TaskStatus

_PERIOD: Final = 0.1  # s between two decisions of a person
_CALM: Final = 2.0  # s between two steps while visitors only wait or leave
_IDLE: Final = 60.0  # s between two steps while nobody is there
_KIOSK_SPOT: Final = (0.2, 1.3)  # m ahead and to the left of a robot that stands at the kiosk
_QUEUE_SPACING: Final = 0.8  # m
_RESPECT: Final = 0.2  # m that people keep from a robot's footprint


@dataclass(slots=True)
class _Asked:
    """A request and who waits for its answer."""

    request: TaskRequest
    visitor: Visitor | None


class Population:
    """The people of one scenario. Its owner calls `step` and passes on the answers that come.

    Args:
        crowd: how visitors walk, on the level `level`; other_crowds: the same on further levels.
        rng: everything that people draw comes from it.
        robots: the robots that take part.
        period: s between two decisions of a person.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        crowd: Crowd,
        hands: Hands,
        level: LevelId,
        other_crowds: Mapping[LevelId, Crowd] | None = None,
        robots: Collection[RobotId],
        rng: np.random.Generator,
        period: float = _PERIOD,
    ) -> None:
        self._period = period
        self._site = site = scenario.site
        self._scenario = scenario
        self._crowds = {level: crowd, **(other_crowds or {})}
        self._hands = hands
        self._level = level
        self._radii = {robot: site.robots[robot].model.radius for robot in robots}
        workplaces = {person: member.place for person, member in site.staff.items()}
        visit_rng, document_rng, self._habit_rng, clerk_rng, passer_rng = rng.spawn(5)
        self._visits: Iterator[VisitWish] = visits(scenario.guidance, visit_rng) if scenario.guidance else iter(())
        self._documents: Iterator[DocumentWish] = (
            documents(scenario.delivery, workplaces, document_rng) if scenario.delivery else iter(())
        )
        self._next_visit = next(self._visits, None)
        self._next_document = next(self._documents, None)
        self._clerks = {
            person: Clerk(person, wrong_code=scenario.wrong_code, seed=int(clerk_rng.integers(2**32)))
            for person in site.staff
        }
        self._passers_by = PassersBy(crowd, scenario.walking, spots=scenario.spots, rng=passer_rng)
        self._visitors: dict[PersonId, Visitor] = {}
        self._asked: dict[str, _Asked] = {}
        self._documents_of: dict[TaskId, str] = {}
        self._visitor_count = 0
        self._start_ns: int | None = None
        self._last_ns = 0
        self._numbers: dict[PersonId, int] = {}
        self._next_ns = 0
        self._screens: dict[RobotId, Announcement] = {}
        self._poses: tuple[int, tuple[PersonPose, ...]] | None = None
        self._disks: dict[RobotId, tuple[Pose, Disk]] = {}

    def step(self, now_ns: int, robots: Mapping[RobotId, LevelPose], desk: Desk) -> None:
        """Let everybody act until `now_ns`, given where the robots really are."""
        if self._start_ns is None:
            self._start_ns = self._last_ns = now_ns
        duration = seconds_between(self._last_ns, now_ns)
        if duration < self._period - 1e-9 and self._next_ns > now_ns:
            return
        self._last_ns = now_ns
        here: dict[LevelId, dict[RobotId, Pose]] = {level: {} for level in self._crowds}
        for robot, at in robots.items():
            if at.level in here:
                here[at.level][robot] = at.pose
        for level, crowd in self._crowds.items():
            crowd.set_robots({robot: self._disk(robot, pose) for robot, pose in here[level].items()})
        self._come_in(now_ns, desk)
        for visitor in list(self._visitors.values()):
            self._let_act(visitor, now_ns, duration, here[visitor.level], desk)
        self._passers_by.step(now_ns)
        if duration > 0.0:
            for crowd in self._crowds.values():
                crowd.step(duration)
        for clerk in self._clerks.values():
            clerk.step(now_ns, self._hands, desk)
        self._note_next(now_ns)

    def _disk(self, robot: RobotId, pose: Pose) -> Disk:
        """Return what people keep off; the same for a robot that stands."""
        known = self._disks.get(robot)
        if known is not None and known[0] is pose:
            return known[1]
        disk = Disk(x=pose.x, y=pose.y, radius=self._radii[robot] + _RESPECT)
        self._disks[robot] = pose, disk
        return disk

    def _let_act(self, visitor: Visitor, now_ns: int, duration: float, robots: dict[RobotId, Pose], desk: Desk) -> None:
        crowd = self._crowds[visitor.level]
        if visitor.away_until_ns is not None:
            if now_ns >= visitor.away_until_ns and crowd.add(visitor.person, *visitor.comes_out_at):
                visitor.come_out(now_ns)
            return
        if visitor.step(now_ns, duration, crowd, robots):
            desk.submit(self._ask_at_kiosk(visitor, now_ns))
        if visitor.state is VisitorState.GONE:
            crowd.remove(visitor.person)
            del self._visitors[visitor.person]

    @property
    def next_ns(self) -> int:
        """Return the instant of the next step that changes anything for others, nanoseconds."""
        return self._next_ns

    def stop_asking(self) -> None:
        """From now on nobody comes in with a wish."""
        self._next_visit = self._next_document = None

    def leave(self, draw: np.random.Generator) -> PersonId | None:
        """Let somebody who waits for a guide or follows one walk away; return who, None where nobody could."""
        candidates = [visitor for visitor in self._visitors.values() if visitor.can_leave]
        if not candidates:
            return None
        visitor = candidates[int(draw.integers(len(candidates)))]
        visitor.give_up(self._last_ns)
        self._next_ns = self._last_ns
        return visitor.person

    def make_custodian(self, person: PersonId, task_id: TaskId, code: str, document: str) -> None:
        """Have a member of staff walk to the robot that has the task's document, and keep it until the next one."""
        self._clerks[person].become_custodian(task_id, code, document)

    def make_keeper(self, person: PersonId, task_id: TaskId, code: str, now_ns: int) -> None:
        """Have a member of staff take the task's document at an exchange, and give it to the next robot there."""
        document = self._documents_of.get(task_id)
        if document is None:
            return  # nobody here has asked for it
        clerk, exchanges = self._clerks[person], self._site.exchanges.values()
        kept = [exchange for exchange in exchanges if exchange.keeper == person]
        clerk.become_keeper(task_id, code, document, places={place for e in kept for place in (e.drop, e.pickup)})
        for robot, announcement in self._screens.items():
            if announcement.task_id == task_id and clerk.walks_to(announcement):
                clerk.hear(robot, announcement, now_ns)
        self._note_next(self._last_ns)

    def send_away(self, person: PersonId, until_ns: int) -> None:
        """Let a member of staff leave the desk for a while."""
        self._clerks[person].leave(until_ns)

    def hear(self, robot: RobotId, announcement: Announcement, now_ns: int) -> None:
        """Let people see what a robot's screen says."""
        for visitor in self._visitors.values():
            visitor.hear(robot, announcement, now_ns)
            if visitor.onward is not None:
                self._send_on(visitor, visitor.onward, now_ns)
        self._screens[robot] = announcement
        for person, clerk in self._clerks.items():
            if self._site.staff[person].place == announcement.place or clerk.walks_to(announcement):
                clerk.hear(robot, announcement, now_ns)
        self._note_next(self._last_ns)

    def accepted(self, request_id: str, answer: Accepted, now_ns: int) -> None:
        """Tell whoever asked that the request was accepted."""
        asked = self._asked[request_id]
        if asked.visitor is not None and asked.visitor.state is VisitorState.ASKING:
            asked.visitor.accept(answer.task_id, now_ns)
            self._note_next(self._last_ns)
        if isinstance(asked.request, DeliveryRequest):
            request = asked.request
            self._documents_of[answer.task_id] = request.document
            self._clerks[request.sender].learn(answer.task_id, answer.sender_code, request.document)
            self._clerks[request.recipient].learn(answer.task_id, answer.recipient_code, request.document)

    def refused(self, request_id: str, now_ns: int) -> None:
        """Tell whoever asked that the request was refused."""
        visitor = self._asked[request_id].visitor
        if visitor is not None:
            visitor.give_up(now_ns)

    def people(self) -> tuple[PersonPose, ...]:
        """Return where everybody who walks is."""
        if self._poses is None or self._poses[0] != self._last_ns:
            visitors = [visitor for visitor in self._visitors.values() if visitor.away_until_ns is None]
            poses = [self._pose_of(visitor.person, visitor.level) for visitor in visitors]
            poses += [self._pose_of(person, self._level) for person in self._passers_by.persons]
            self._poses = (self._last_ns, tuple(poses))
        return self._poses[1]

    def expected(self, request_id: str) -> frozenset[TaskStatus]:
        """Return the final statuses that would be right for a request, given how its visitor behaved.

        A guide whose visitor has walked away gives up, or leads whoever has joined it instead: it tells nobody apart.
        """
        visitor = self._asked[request_id].visitor
        if visitor is not None and visitor.has_walked_away:
            return frozenset({TaskStatus.FAILED, TaskStatus.CANCELED, TaskStatus.COMPLETED})
        return frozenset({TaskStatus.COMPLETED})

    @property
    def requests(self) -> Mapping[str, TaskRequest]:
        """Return everything that was asked for, by request id."""
        return {request_id: asked.request for request_id, asked in self._asked.items()}

    def _pose_of(self, person: PersonId, level: LevelId) -> PersonPose:
        crowd = self._crowds[level]
        vx, vy = crowd.velocity(person)
        return PersonPose(
            person=person,
            number=self._numbers.setdefault(person, len(self._numbers)),
            at=LevelPose(level=level, pose=crowd.pose(person)),
            vx=vx,
            vy=vy,
        )

    def _note_next(self, now_ns: int) -> None:
        """Find the next instant at which somebody does something that others see."""
        instants = [now_ns + to_ns(_IDLE)]
        start_ns = self._start_ns or 0
        instants += [start_ns + to_ns(wish.at) for wish in (self._next_visit, self._next_document) if wish is not None]
        instants += [clerk.next_ns for clerk in self._clerks.values() if clerk.next_ns is not None]
        if self._visitors:
            is_restless = any(visitor.is_restless for visitor in self._visitors.values())
            instants.append(now_ns + to_ns(self._period if is_restless else _CALM))
        self._next_ns = max(min(instants), now_ns)

    def _come_in(self, now_ns: int, desk: Desk) -> None:
        elapsed = seconds_between(self._start_ns or 0, now_ns)
        while self._next_visit is not None and self._next_visit.at <= elapsed:
            if not self._admit(self._next_visit):
                break
            self._next_visit = next(self._visits, None)
        while self._next_document is not None and self._next_document.at <= elapsed:
            desk.submit(self._ask_at_desk(self._next_document, now_ns))
            self._next_document = next(self._documents, None)

    def _admit(self, wish: VisitWish) -> bool:
        """Let a visitor in; False while somebody stands in the door."""
        at = self._site.pose_at(wish.pickup)
        place, spot = at.pose, self._waiting_spot(wish.pickup)
        entrance = min(self._scenario.entrances, key=lambda door: math.hypot(door[0] - place.x, door[1] - place.y))
        person = PersonId(f"visitor.{self._visitor_count + 1:05d}")
        if not self._crowds[at.level].add(person, *entrance):
            return False
        self._visitor_count += 1
        self._visitors[person] = Visitor(
            person,
            wish,
            level=at.level,
            kiosk_spot=spot,
            exit_spot=entrance,
            habits=self._scenario.habits,
            rng=self._habit_rng,
        )
        return True

    def _waiting_spot(self, place: PlaceId) -> tuple[float, float]:
        """Return where somebody waits for a guide at a place, behind those who do already."""
        waiting = sum(1 for visitor in self._visitors.values() if visitor.meets_at == place and visitor.is_at_kiosk)
        spot = self._site.pose_at(place).pose.compose(
            Pose(x=_KIOSK_SPOT[0], y=_KIOSK_SPOT[1] + _QUEUE_SPACING * waiting)
        )
        return spot.x, spot.y

    def _send_on(self, visitor: Visitor, place: PlaceId, now_ns: int) -> None:
        """Have a visitor go to where another guide meets them; to another level they go out of sight."""
        site = self._site
        at, spot = site.node_of(place).level, self._waiting_spot(place)
        if at not in self._crowds:
            visitor.give_up(now_ns)  # nobody walks there in this simulation
            return
        seconds = max((e.seconds for e in site.exchanges.values() if e.pickup == place), default=0.0)
        if at != visitor.level:
            self._crowds[visitor.level].remove(visitor.person)
        visitor.go_on(place, spot, at, now_ns + to_ns(seconds), now_ns)

    def _ask_at_kiosk(self, visitor: Visitor, now_ns: int) -> TaskRequest:
        demand = self._scenario.guidance
        request = GuidanceRequest(
            request_id=visitor.person,
            pickup=visitor.wish.pickup,
            destination=visitor.wish.destination,
            language=visitor.wish.language,
            due_ns=_due(now_ns, demand.due_s if demand else None),
        )
        self._asked[request.request_id] = _Asked(request, visitor)
        return request

    def _ask_at_desk(self, wish: DocumentWish, now_ns: int) -> TaskRequest:
        demand = self._scenario.delivery
        request = DeliveryRequest(
            request_id=f"document.{wish.number:05d}",
            pickup=self._site.staff[wish.sender].place,
            destination=self._site.staff[wish.recipient].place,
            sender=wish.sender,
            recipient=wish.recipient,
            document=f"file {wish.number:04d}",
            due_ns=_due(now_ns, demand.due_s if demand else None),
        )
        self._asked[request.request_id] = _Asked(request, None)
        return request


def _due(now_ns: int, due_s: float | None) -> int | None:
    return None if due_s is None else now_ns + to_ns(due_s)
