"""What a behavior tree file may hold: control nodes, decorators, and the base of all leaves."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, ClassVar, TypeVar

from py_trees.behaviour import Behaviour
from py_trees.common import Status
from py_trees.decorators import Decorator

from robot_ops.core.clock import seconds_between

if TYPE_CHECKING:
    from robot_ops.missions.context import MissionContext

EnumT = TypeVar("EnumT", bound=Enum)
Value = str | float | int | bool | Enum


class ValueKind(Enum):
    """What an attribute's text means."""

    TEXT = "text"
    NUMBER = "number"  # a finite float >= 0
    COUNT = "count"  # a whole number >= 1, or -1 for all
    FLAG = "flag"  # true or false
    PLACE = "place"  # id of a place of the site


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """An attribute that an element takes.

    Attributes:
        default: its value where it is missing; None where it must be there.
        choices: the words it may be, each with its value; empty for no such limit.
    """

    kind: ValueKind = ValueKind.TEXT
    default: Value | None = None
    choices: Mapping[str, Enum] = field(default_factory=dict)

    def parse(self, text: str) -> Value:
        """Return the text's value.

        Raises:
            ValueError: the text is not such a value.
        """
        if self.choices:
            return self.choices[_one_of(text, self.choices)]
        match self.kind:
            case ValueKind.TEXT | ValueKind.PLACE:
                return text
            case ValueKind.NUMBER:
                number = float(text)
                if not 0.0 <= number < math.inf:
                    raise ValueError(f"{text} is not a number from 0 up")
                return number
            case ValueKind.COUNT:
                count = int(text)
                if count < 1 and count != -1:
                    raise ValueError(f"{text} is neither a whole number from 1 up nor -1")
                return count
            case ValueKind.FLAG:
                if text not in ("true", "false"):
                    raise ValueError(f"{text!r} is neither true nor false")
                return text == "true"


def _one_of(text: str, choices: Mapping[str, Enum]) -> str:
    if text not in choices:
        raise ValueError(f"{text!r} is none of {', '.join(choices)}")
    return text


def choices_of(kind: type[Enum]) -> dict[str, Enum]:
    """Return the members of an enum by their values, for `Attribute.choices`."""
    return {str(member.value): member for member in kind}


class Leaf(Behaviour):
    """A leaf of a mission's tree. Subclasses declare their XML attributes and override `update`.

    Args:
        name: shown in the tree.
        context: what the leaves of this mission share.
        values: the attributes' values, one per name in `ATTRIBUTES`.
    """

    ATTRIBUTES: ClassVar[Mapping[str, Attribute]] = {}

    def __init__(self, name: str, context: "MissionContext", values: Mapping[str, Value]) -> None:
        super().__init__(name)
        self.context = context
        self._values = dict(values)
        self._started_ns = 0
        self._is_active = False

    def initialise(self) -> None:
        """Begin; `elapsed` counts from here. Overriders call this first."""
        self._started_ns = self.context.now_ns
        self._is_active = True

    def terminate(self, new_status: Status) -> None:
        """Call `end` once per beginning: py_trees also terminates leaves that have ended long ago."""
        if self._is_active:
            self._is_active = False
            self.end(new_status)

    def end(self, status: Status) -> None:
        """Clean up, after SUCCESS or FAILURE, or INVALID when something interrupts the leaf."""

    @property
    def elapsed(self) -> float:
        """Return the seconds since the leaf was begun."""
        return seconds_between(self._started_ns, self.context.now_ns)

    def text(self, name: str) -> str:
        """Return the value of a text or place attribute."""
        return str(self._values[name])

    def number(self, name: str) -> float:
        """Return the value of a number attribute."""
        value = self._values[name]
        if not isinstance(value, int | float):
            raise TypeError(f"{name} of {self.name} is no number")
        return float(value)

    def member(self, name: str, kind: type[EnumT]) -> EnumT:
        """Return the value of an attribute with choices."""
        value = self._values[name]
        if not isinstance(value, kind):
            raise TypeError(f"{name} of {self.name} is no {kind.__name__}")
        return value

    def fail(self, reason: str) -> Status:
        """Note why the mission may have to end, and return FAILURE."""
        self.feedback_message = reason
        self.context.failure = reason
        return Status.FAILURE

    def wait(self, reason: str = "") -> Status:
        """Note what is waited for, and return RUNNING."""
        self.feedback_message = reason
        if reason:
            self.context.reason = reason
        return Status.RUNNING


class ClockTimeout(Decorator):
    """Fails when its child still runs after a duration on the injected clock (py_trees' Timeout takes the wall's).

    Args:
        duration: in seconds.
    """

    def __init__(self, name: str, child: Behaviour, context: "MissionContext", duration: float) -> None:
        super().__init__(name, child)
        self._duration = duration
        self._context = context
        self._started_ns = 0

    def initialise(self) -> None:
        """Start the clock."""
        self._started_ns = self._context.now_ns

    def update(self) -> Status:
        """Return the child's status, FAILURE when it takes too long."""
        status = self.decorated.status
        if status is not Status.RUNNING or seconds_between(self._started_ns, self._context.now_ns) < self._duration:
            return status
        self._context.failure = f"{self.name} took more than {self._duration:g} s"
        self.feedback_message = self._context.failure
        return Status.FAILURE
