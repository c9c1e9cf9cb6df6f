"""Keeps a fault in the handling of one robot or task from stopping the fleet."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

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

    @contextmanager
    def part(self, name: str, *, robot: RobotId | None = None) -> Iterator[None]:
        """Run one part of the work, called `name` in the log; its fault ends the part and nothing else.

        Raises:
            LedgerError: passed on: that is no fault of the part, and concerns all.
        """
        alarm_id = f"internal/{name}"
        try:
            yield
        except LedgerError:
            raise
        except Exception as error:  # noqa: BLE001  the boundary between one task or robot and all others
            text = f"{type(error).__name__}: {error}"
            if self._logged.get(name) != text:  # it fails at every step: once is enough
                self._logged[name] = text
                _log.exception("%s cannot be handled and is left alone; the rest goes on", name)
            told = f"{name} cannot be handled ({text}): it is left alone, report the log"
            self._alarms.put(alarm_id, told, robot=robot, is_error=True)
        else:
            if self._logged.pop(name, None) is not None:
                self._alarms.clear(alarm_id)
