"""Who waits for whom, in words an operator understands."""

from collections.abc import Mapping
from dataclasses import dataclass

from robot_ops.core.ids import RobotId


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a robot cannot go on.

    Attributes:
        waits_for: the robots that must move first; empty where something else is wrong.
        text: what follows the robot's name in a sentence; short: the same in a few words, for its own screen.
        blocks: the robots that wait for this one, where it will not go on by itself.
    """

    text: str
    waits_for: tuple[RobotId, ...] = ()
    short: str = ""
    blocks: tuple[RobotId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """A robot that cannot go on.

    Attributes:
        waits_for: the robots that must move first; empty where something else is wrong.
        text: the whole sentence without a full stop; since_ns: when it began to wait for this.
        reason: who or what must move first, in a few words; may be empty.
        blocks: the robots that wait for this one, where it will not go on by itself.
    """

    robot: RobotId
    waits_for: tuple[RobotId, ...]
    text: str
    since_ns: int
    reason: str = ""
    blocks: tuple[RobotId, ...] = ()


class WaitBook:
    """Keeps since when each robot waits for the same others."""

    def __init__(self) -> None:
        self._waits: dict[RobotId, Wait] = {}
        self._reasons: dict[RobotId, Reason] = {}

    def renew(self, found: Mapping[RobotId, Reason], now_ns: int) -> None:
        """Replace all waits; one that goes on keeps its beginning."""
        renewed: dict[RobotId, Wait] = {}
        for robot, why in sorted(found.items()):
            known = self._waits.get(robot) if _is_same(self._reasons.get(robot), why) else None
            blocked = f"; {listed(why.blocks)} cannot pass" if why.blocks else ""
            renewed[robot] = Wait(
                robot=robot,
                waits_for=why.waits_for,
                text=f"{robot} {why.text}{blocked}",
                since_ns=now_ns if known is None else known.since_ns,
                reason=why.short or listed(why.waits_for),
                blocks=why.blocks,
            )
        self._reasons = dict(found)
        self._waits = renewed

    def of(self, robot: RobotId) -> Wait | None:
        """Return what the robot waits for, None where it does not."""
        return self._waits.get(robot)

    def all(self) -> tuple[Wait, ...]:
        """Return all waits in the order of the robots' ids."""
        return tuple(self._waits.values())


def _is_same(before: Reason | None, now: Reason) -> bool:
    if before is None:
        return False
    return before.waits_for == now.waits_for if now.waits_for else before.text == now.text


def listed(robots: tuple[RobotId, ...]) -> str:
    """Return "a", "a and b" or "a, b and c"."""
    if len(robots) < 2:
        return "".join(robots)
    return f"{', '.join(robots[:-1])} and {robots[-1]}"
