"""What robots hold of the lanes, in a file beside the ledger: for the next process, where a robot is not heard."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from robot_ops.core.durable_files import replace_file
from robot_ops.core.errors import LedgerError
from robot_ops.core.ids import LevelId, NodeId, RobotId, RouteId
from robot_ops.core.poses import LevelPose, Pose
from robot_ops.tasks.routes import RouteProgress


class HoldingsFile:
    """Implements `robot_ops.dispatch.ports.Holdings`.

    Args:
        path: made at the first `save`; its folder must exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> tuple[RouteProgress, ...]:
        """Return what was saved last, nothing where there is no file.

        Raises:
            LedgerError: the file cannot be read or is damaged.
        """
        try:
            records = json.loads(self._path.read_text())
            return tuple(_holding_of(record) for record in records)
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise LedgerError(f"{self._path} cannot be read: {error.strerror}") from error
        except (ValueError, KeyError, TypeError) as error:
            mend = "see that all robots are switched on or at their chargers, then delete it"
            raise LedgerError(f"{self._path} is damaged ({error}): {mend}") from error

    def save(self, holdings: Iterable[RouteProgress]) -> None:
        """Replace what was saved; it is on disk when this returns.

        Raises:
            LedgerError: it could not be written; what was saved before is there.
        """
        text = json.dumps([_record_of(holding) for holding in holdings])
        try:
            replace_file(self._path, text.encode())
        except OSError as error:
            raise LedgerError(f"{self._path} cannot be written: {error.strerror}") from error


def _record_of(holding: RouteProgress) -> dict[str, Any]:
    free = holding.free
    at = None if free is None else {"level": free.level, "x": free.pose.x, "y": free.pose.y, "yaw": free.pose.yaw}
    return {
        "robot": holding.robot,
        "held": list(holding.held),
        "tail": holding.tail,
        "free": at,
        "free_radius": holding.free_radius,
    }


def _holding_of(record: Any) -> RouteProgress:
    at = record["free"]
    pose = None if at is None else Pose(x=float(at["x"]), y=float(at["y"]), yaw=float(at["yaw"]))
    return RouteProgress(
        robot=RobotId(str(record["robot"])),
        stamp_ns=0,
        route_id=RouteId(""),
        reached=0,
        held=tuple(NodeId(str(node)) for node in record["held"]),
        tail=float(record["tail"]),
        free=None if pose is None else LevelPose(level=LevelId(str(at["level"])), pose=pose),
        free_radius=float(record["free_radius"]),
    )
