"""Leaves that meet a visitor, watch whether they follow, and say goodbye."""

from typing import ClassVar, Final

from py_trees.common import Status

from robot_ops.core.clock import seconds_between
from robot_ops.core.ids import PlaceId
from robot_ops.core.poses import Pose
from robot_ops.missions.ports import AnnouncementKind
from robot_ops.missions.tree_nodes import Attribute, Leaf, ValueKind
from robot_ops.perception.follower import FollowState, FollowStatus
from robot_ops.tasks.orders import MissionPhase

COMFORTABLE: Final = 2.4
"""m; a visitor this close behind keeps up at the robot's own pace."""
SLOW: Final = 0.5
"""m/s while the visitor lags."""
EASY: Final = 0.8
"""m/s while the visitor is behind, but not yet lagging."""
_MEETING_SPOT: Final = Pose(x=0.6, y=0.75)
"""Where somebody who reads the screen stands, in the robot's frame."""
_WITHOUT_VISITOR: Final = frozenset({FollowStatus.STOPPED, FollowStatus.LOST})


class MeetVisitor(Leaf):
    """Waits at the kiosk for somebody to lead, and locks on them; `settle` seconds are for reading the greeting."""

    ATTRIBUTES: ClassVar = {
        "settle": Attribute(kind=ValueKind.NUMBER, default=2.0),
        "timeout": Attribute(kind=ValueKind.NUMBER, default=60.0),
        "outcome": Attribute(default="no visitor at the kiosk"),
    }

    def update(self) -> Status:
        """Look for somebody."""
        body = self.context.body
        at = body.navigator.pose
        if at is not None and self.elapsed >= self.number("settle"):
            spot = at.pose.compose(_MEETING_SPOT)
            has_met = body.monitor.lock(self.context.now_ns, at.pose, body.people.tracks, near=(spot.x, spot.y))
            if has_met:
                return Status.SUCCESS
        if self.elapsed >= self.number("timeout"):
            return self.fail(self.text("outcome"))
        return self.wait("waits for the visitor")


class WaitForVisitor(Leaf):
    """Watches the visitor while another leaf drives: slows down, waits, searches, gives up. Never succeeds.

    Attributes in XML: the robot slows down when the visitor is further behind than `lag` and waits from `far` on, in
    meters; a visitor out of sight for `search` seconds is lost, one who stands for `patience` seconds does not follow,
    nor does one for whom the robot has waited `budget` seconds in all: others wait behind it.
    Somebody else who stands beside the waiting robot after `relock` seconds is taken for the visitor: people cannot be
    told apart, and whoever stays with a guide wants to be led.
    """

    ATTRIBUTES: ClassVar = {
        "lag": Attribute(kind=ValueKind.NUMBER, default=3.0),
        "far": Attribute(kind=ValueKind.NUMBER, default=5.0),
        "search": Attribute(kind=ValueKind.NUMBER, default=45.0),
        "patience": Attribute(kind=ValueKind.NUMBER, default=180.0),
        "budget": Attribute(kind=ValueKind.NUMBER, default=300.0),
        "relock": Attribute(kind=ValueKind.NUMBER, default=4.0),
        "place": Attribute(kind=ValueKind.PLACE, default=""),
    }

    def initialise(self) -> None:
        """Begin to watch."""
        super().initialise()
        self._waiting_since_ns: int | None = None
        self._waited_before = 0.0

    def update(self) -> Status:
        """Set the robot's pace by what the visitor does."""
        body, now_ns = self.context.body, self.context.now_ns
        at = body.navigator.pose
        if at is None:
            body.follower.set_pace(0.0)
            return self.wait("blocked: the robot does not know where it is")
        state = body.monitor.update(now_ns, at.pose, body.people.tracks)
        if state.status in _WITHOUT_VISITOR and self._waited() >= self.number("relock"):
            body.monitor.lock(now_ns, at.pose, body.people.tracks)
            state = body.monitor.update(now_ns, at.pose, body.people.tracks)
        match state.status:
            case FollowStatus.LOST | FollowStatus.UNLOCKED:
                return self._search(state)
            case FollowStatus.STOPPED:
                return self._await(state)
            case FollowStatus.FOLLOWING | FollowStatus.LAGGING | FollowStatus.RETURNED:
                limit = self.number("far") if self._waiting_since_ns is None else self.number("lag")
                return self._await(state) if state.distance > limit else self._lead(state)

    def end(self, _status: Status) -> None:
        """Let the visitor go."""
        self.context.body.monitor.unlock()

    def _lead(self, state: FollowState) -> Status:
        if self._waiting_since_ns is not None:
            self._waited_before += self._waited()
            self._waiting_since_ns = None
            self._say(AnnouncementKind.FOLLOW_ME)
        is_lagging = state.status is FollowStatus.LAGGING or state.distance > self.number("lag")
        pace = SLOW if is_lagging else EASY if state.distance > COMFORTABLE else self.context.body.robot.model.max_speed
        self.context.body.follower.set_pace(pace)
        self.context.phase = MissionPhase.LEADING
        return Status.RUNNING

    def _await(self, state: FollowState) -> Status:
        self._stop()
        self.context.phase = MissionPhase.WAITING_FOR_VISITOR
        waited = self._waited()
        if waited >= self.number("patience") or waited + self._waited_before >= self.number("budget"):
            return self.fail("visitor does not follow")
        return self.wait(f"waits for the visitor, {state.distance:.0f} m behind")

    def _search(self, state: FollowState) -> Status:
        self._stop()
        self.context.phase = MissionPhase.SEARCHING_VISITOR
        if state.status is FollowStatus.UNLOCKED or state.unseen >= self.number("search"):
            return self.fail("visitor lost")
        return self.wait("the visitor is out of sight")

    def _stop(self) -> None:
        self.context.body.follower.set_pace(0.0)
        if self._waiting_since_ns is None:
            self._waiting_since_ns = self.context.now_ns
            self._say(AnnouncementKind.PLEASE_CATCH_UP)

    def _waited(self) -> float:
        since_ns = self.context.now_ns if self._waiting_since_ns is None else self._waiting_since_ns
        return seconds_between(since_ns, self.context.now_ns)

    def _say(self, kind: AnnouncementKind) -> None:
        place = self.text("place")
        self.context.announce(kind, PlaceId(place) if place else None)


class SendOnward(Leaf):
    """At an exchange: tells the visitor where another guide meets them, for `hold` seconds; else it does nothing."""

    ATTRIBUTES: ClassVar = {"hold": Attribute(kind=ValueKind.NUMBER, default=4.0)}

    def initialise(self) -> None:
        """Tell it."""
        super().initialise()
        onward = self.context.order.onward
        if onward is not None:
            self.context.phase = MissionPhase.FAREWELL
            self.context.announce(AnnouncementKind.ONWARD, onward)

    def update(self) -> Status:
        """Give time to read it."""
        is_over = self.context.order.onward is None or self.elapsed >= self.number("hold")
        return Status.SUCCESS if is_over else Status.RUNNING


class SayGoodbye(Leaf):
    """Says goodbye and stays `hold` seconds, until the visitor has gone on."""

    ATTRIBUTES: ClassVar = {"hold": Attribute(kind=ValueKind.NUMBER, default=4.0)}

    def initialise(self) -> None:
        """Say it."""
        super().initialise()
        self.context.phase = MissionPhase.FAREWELL
        self.context.announce(AnnouncementKind.FAREWELL)

    def update(self) -> Status:
        """Stay a moment."""
        return Status.SUCCESS if self.elapsed >= self.number("hold") else Status.RUNNING
