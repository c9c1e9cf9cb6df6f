"""A robot's panel, compartments, battery and the building, over ROS: ports of `robot_ops.missions.ports`.

Subscriptions only keep the latest message; commands that may get lost are repeated by `repeat` until they show effect.
"""

import math
from collections.abc import Callable
from typing import Any, Final

from rclpy.node import Node
from robot_ops_interfaces.msg import Announcement as AnnouncementMsg
from robot_ops_interfaces.msg import CompartmentArray, DoorRequest, LiftRequest, LockCommand
from robot_ops_interfaces.msg import DoorState as DoorStateMsg
from robot_ops_interfaces.msg import LiftState as LiftStateMsg
from sensor_msgs.msg import BatteryState

from robot_ops.core.clock import Clock, seconds_between, to_ns
from robot_ops.core.ids import DoorId, LevelId, LiftId, PersonId, RobotId
from robot_ops.core.world import CompartmentReading
from robot_ops.missions.ports import Announcement, AnnouncementKind, LiftState, PanelEntry
from robot_ops.ros_nodes.conversions import from_time
from robot_ops.ros_nodes.qos import EVENTS, MESSAGES, SENSOR, STATE
from robot_ops.ros_nodes.vocabulary import to_announcement

REPEAT_PERIOD: Final = 0.5
"""s between two requests for the same door or lift, and between two commands to the same lock."""
BUILDING_MAX_AGE: Final = 5.0
"""s after which the state of a door or lift is not known any more."""
_CONFIRMABLE: Final = frozenset({AnnouncementKind.LOAD, AnnouncementKind.UNLOAD})
_ANSWERS_KEPT: Final = 20


class RosPanel:
    """The screen as a latched topic; the buttons as services that the node serves.

    Args:
        node: its namespace is the robot's.
    """

    def __init__(self, node: Node, robot: RobotId, clock: Clock) -> None:
        self._robot = robot
        self._clock = clock
        self._topic = node.create_publisher(AnnouncementMsg, "announce", STATE)
        self._shown: Announcement | None = None
        self._entry: PanelEntry | None = None
        self._entry_seq = 0
        self._is_confirmed = False
        self._answers: dict[int, tuple[bool, str]] = {}

    def announce(self, announcement: Announcement) -> None:
        """See Panel."""
        if announcement != self._shown:
            self._shown = announcement
            self._topic.publish(to_announcement(announcement, robot=self._robot, stamp_ns=self._clock.now_ns()))

    @property
    def entry(self) -> PanelEntry | None:
        """See Panel."""
        return self._entry

    @property
    def is_confirmed(self) -> bool:
        """See Panel."""
        return self._is_confirmed

    def answer(self, entry_seq: int, is_granted: bool, text: str) -> None:
        """See Panel."""
        self._answers[entry_seq] = (is_granted, text)
        while len(self._answers) > _ANSWERS_KEPT:
            self._answers.pop(next(iter(self._answers)))

    def clear(self) -> None:
        """See Panel."""
        self._entry, self._is_confirmed = None, False

    @property
    def is_asking_for_code(self) -> bool:
        """Return whether the screen asks somebody for their code."""
        return self._shown is not None and self._shown.kind is AnnouncementKind.AUTHENTICATE

    def type_code(self, person: PersonId, code: str) -> int:
        """Take an entry, to be judged at the next tick; return its number."""
        self._entry_seq += 1
        self._entry = PanelEntry(entry_seq=self._entry_seq, person=person, code=code)
        return self._entry_seq

    def take_answer(self, entry_seq: int) -> tuple[bool, str] | None:
        """Return and forget what became of an entry, None while it is not judged."""
        return self._answers.pop(entry_seq, None)

    def press_done(self) -> bool:
        """Take a press of the button; return whether the screen asked for it."""
        is_asked = self._shown is not None and self._shown.kind in _CONFIRMABLE
        self._is_confirmed = self._is_confirmed or is_asked
        return is_asked


class RosCompartments:
    """Locks by topic. A command is repeated until the lock reports its effect, and only the latest one counts."""

    def __init__(self, node: Node, clock: Clock) -> None:
        self._clock = clock
        self._states: dict[str, CompartmentReading] = {}
        self._wanted: dict[str, bool] = {}  # compartment -> is_locked
        self._sent_ns: dict[str, int] = {}
        self._doubtful: set[str] = set()  # a command was taken back: the next report tells what became of it
        self._topic = node.create_publisher(LockCommand, "lock_command", MESSAGES)
        node.create_subscription(CompartmentArray, "compartments", self._on_compartments, STATE)

    @property
    def occupied(self) -> dict[str, bool]:
        """Return per compartment whether something lies in it."""
        return {compartment: state.is_occupied for compartment, state in self._states.items()}

    def state(self, compartment: str) -> CompartmentReading | None:
        """See Compartments."""
        return None if compartment in self._doubtful else self._states.get(compartment)

    def unlock(self, compartment: str) -> None:
        """See Compartments."""
        self._want(compartment, is_locked=False)

    def lock(self, compartment: str) -> None:
        """See Compartments."""
        self._want(compartment, is_locked=True)

    def repeat(self) -> None:
        """Send the commands again that have had no effect yet."""
        now_ns = self._clock.now_ns()
        for compartment, is_locked in list(self._wanted.items()):
            state = self.state(compartment)
            if state is not None and state.is_locked == is_locked:
                del self._wanted[compartment]
            elif seconds_between(self._sent_ns[compartment], now_ns) >= REPEAT_PERIOD:
                self._send(compartment, is_locked=is_locked)

    def _want(self, compartment: str, *, is_locked: bool) -> None:
        wanted = self._wanted.get(compartment)
        if wanted is not None and wanted is not is_locked:
            self._doubtful.add(compartment)
        state = self.state(compartment)
        if wanted is is_locked or (state is not None and state.is_locked == is_locked):
            return
        self._wanted[compartment] = is_locked
        self._send(compartment, is_locked=is_locked)

    def _send(self, compartment: str, *, is_locked: bool) -> None:
        self._sent_ns[compartment] = self._clock.now_ns()
        command = LockCommand.LOCK if is_locked else LockCommand.UNLOCK
        self._topic.publish(LockCommand(compartment=compartment, command=command))

    def _on_compartments(self, message: CompartmentArray) -> None:
        self._doubtful.clear()
        self._states = {
            compartment.id: CompartmentReading(
                is_locked=bool(compartment.is_locked),
                is_closed=bool(compartment.is_closed),
                is_occupied=bool(compartment.is_occupied),
            )
            for compartment in message.compartments
        }


class RosBuilding:
    """Doors and lifts by topics; requests are repeated until they are released."""

    def __init__(self, node: Node, robot: RobotId, clock: Clock) -> None:
        self._robot = robot
        self._clock = clock
        self._doors: dict[DoorId, DoorStateMsg] = {}
        self._lifts: dict[LiftId, LiftStateMsg] = {}
        self._requests: dict[DoorId | LiftId, Callable[[bool], None]] = {}
        self._repeated_ns = 0
        self._door_topic = node.create_publisher(DoorRequest, "/door_requests", MESSAGES)
        self._lift_topic = node.create_publisher(LiftRequest, "/lift_requests", MESSAGES)
        node.create_subscription(DoorStateMsg, "/door_states", self._on_door, EVENTS)
        node.create_subscription(LiftStateMsg, "/lift_states", self._on_lift, EVENTS)

    def request_door(self, door: DoorId) -> None:
        """See Building."""
        self._begin(door, lambda is_needed: self._ask_door(door, is_needed))

    def release_door(self, door: DoorId) -> None:
        """See Building."""
        self._end(door)

    def is_door_open(self, door: DoorId) -> bool:
        """See Building."""
        message = self._doors.get(door)
        return message is not None and self._is_fresh(message) and message.state == DoorStateMsg.OPEN

    def request_lift(self, lift: LiftId, level: LevelId) -> None:
        """See Building."""
        self._begin(lift, lambda is_needed: self._ask_lift(lift, level, is_needed))

    def release_lift(self, lift: LiftId) -> None:
        """See Building."""
        self._end(lift)

    def lift_state(self, lift: LiftId) -> LiftState | None:
        """See Building."""
        message = self._lifts.get(lift)
        if message is None or not self._is_fresh(message):
            return None
        return LiftState(level=LevelId(message.level) if message.is_open else None, session=message.session)

    def repeat(self) -> None:
        """Send all requests again when it is time."""
        now_ns = self._clock.now_ns()
        if now_ns - self._repeated_ns < to_ns(REPEAT_PERIOD):
            return
        self._repeated_ns = now_ns
        for ask in self._requests.values():
            ask(True)

    def _begin(self, name: DoorId | LiftId, ask: Callable[[bool], None]) -> None:
        self._requests[name] = ask
        ask(True)

    def _end(self, name: DoorId | LiftId) -> None:
        ask = self._requests.pop(name, None)
        if ask is not None:
            ask(False)

    def _ask_door(self, door: DoorId, is_needed: bool) -> None:
        self._door_topic.publish(DoorRequest(door=str(door), requester=str(self._robot), is_needed=is_needed))

    def _ask_lift(self, lift: LiftId, level: LevelId, is_needed: bool) -> None:
        message = LiftRequest(lift=str(lift), session=str(self._robot), level=str(level), is_needed=is_needed)
        self._lift_topic.publish(message)

    def _is_fresh(self, message: Any) -> bool:
        return seconds_between(from_time(message.stamp), self._clock.now_ns()) <= BUILDING_MAX_AGE

    def _on_door(self, message: DoorStateMsg) -> None:
        self._doors[DoorId(message.door)] = message

    def _on_lift(self, message: LiftStateMsg) -> None:
        self._lifts[LiftId(message.lift)] = message


class RosBattery:
    """The latest sensor_msgs/BatteryState."""

    def __init__(self, node: Node) -> None:
        self._soc = math.nan
        self._is_charging = False
        # gauges publish as sensors do (REP-2003), not latched
        node.create_subscription(BatteryState, "battery_state", self._on_battery, SENSOR)

    @property
    def soc(self) -> float:
        """See Battery."""
        return self._soc

    @property
    def is_charging(self) -> bool:
        """See Battery."""
        return self._is_charging

    def _on_battery(self, message: BatteryState) -> None:
        self._soc = float(message.percentage)
        self._is_charging = message.power_supply_status == BatteryState.POWER_SUPPLY_STATUS_CHARGING
