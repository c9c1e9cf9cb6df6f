"""Keeps a fault in the handling of one robot or task from stopping the fleet."""

import logging
from types import TracebackType

from robot_ops.core.errors import LedgerError
from robot_ops.core.ids import RobotId
from robot_ops.dispatch.alarms import AlarmBoard

_log = logging.getLogger(__name__)


class Isolation:
    """Turns what should never happen into an alarm and a traceback in the log; the rest of the fleet goes on.

    Args:
        alarms: where the alarm goes up, and down again when the part works.
    """

    def __init__(self, alarms: AlarmBoard) -> None:
        self._alarms = alarms
        self._logged: dict[str, str] = {}

    @property
    def is_failing(self) -> bool:
        """Return whether any part failed when it was run last."""
        return bool(self._logged)

    def part(self, name: str, *, robot: RobotId | None = None) -> "Part":
        """Return the context in which to run one part of the work, called `name` in the log; see Part."""
        return Part(self, name, robot)

    def note(self, name: str, robot: RobotId | None, error: BaseException | None) -> None:
        """Note how a part ended; `error` is what it failed with."""
        if error is None:
            if self._logged and self._logged.pop(name, None) is not None:
                self._alarms.clear(f"internal/{name}")
            return
        text = f"{type(error).__name__}: {error}"
        if self._logged.get(name) != text:  # it fails at every step: once is enough
            self._logged[name] = text
            _log.error("%s cannot be handled and is left alone; the rest goes on", name, exc_info=error)
        told = f"{name} cannot be handled ({text}): it is left alone, report the log"
        self._alarms.put(f"internal/{name}", told, robot=robot, is_error=True)


class Part:
    """One part of the work: its fault ends the part and nothing else.

    A LedgerError passes: that is no fault of the part, and concerns all. A class, for a step runs many parts.
    """

    __slots__ = ("_isolation", "_name", "_robot")

    def __init__(self, isolation: Isolation, name: str, robot: RobotId | None) -> None:
        self._isolation = isolation
        self._name = name
        self._robot = robot

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> bool:
        if error is not None and (isinstance(error, LedgerError) or not isinstance(error, Exception)):
            return False
        self._isolation.note(self._name, self._robot, error)
        return error is not None
