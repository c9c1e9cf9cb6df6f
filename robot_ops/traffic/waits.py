"""Who waits for whom, in words an operator understands."""

from dataclasses import dataclass

from robot_ops.core.ids import RobotId


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """A robot that cannot go on.

    Attributes:
        waits_for: the robots that must move first; empty where something else is wrong.
        text: the whole sentence without a full stop; since_ns: when it began to wait for this.
    """

    robot: RobotId
    waits_for: tuple[RobotId, ...]
    text: str
    since_ns: int


class WaitBook:
    """Keeps since when each robot waits for the same others."""

    def __init__(self) -> None:
        self._waits: dict[RobotId, Wait] = {}

    def renew(self, found: dict[RobotId, tuple[tuple[RobotId, ...], str]], now_ns: int) -> None:
        """Replace all waits; one that goes on keeps its beginning."""
        renewed: dict[RobotId, Wait] = {}
        for robot, (waits_for, text) in sorted(found.items()):
            known = self._waits.get(robot)
            is_same = known is not None and (known.waits_for == waits_for if waits_for else known.text == text)
            since_ns = known.since_ns if known is not None and is_same else now_ns
            renewed[robot] = Wait(robot=robot, waits_for=waits_for, text=f"{robot} {text}", since_ns=since_ns)
        self._waits = renewed

    def of(self, robot: RobotId) -> Wait | None:
        """Return what the robot waits for, None where it does not."""
        return self._waits.get(robot)

    def all(self) -> tuple[Wait, ...]:
        """Return all waits in the order of the robots' ids."""
        return tuple(self._waits.values())


def listed(robots: tuple[RobotId, ...]) -> str:
    """Return "a", "a and b" or "a, b and c"."""
    if len(robots) < 2:
        return "".join(robots)
    return f"{', '.join(robots[:-1])} and {robots[-1]}"
