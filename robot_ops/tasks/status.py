"""Task status, the words of Open-RMF, as one table.

queued -> standby -> underway -> completed, with detours; completed, failed and canceled are final.
"""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final

from robot_ops.core.errors import StateError


class TaskStatus(Enum):
    """Where a task is in its life."""

    QUEUED = "queued"  # accepted, no robot yet
    STANDBY = "standby"  # a robot was chosen and has not started
    UNDERWAY = "underway"  # a robot executes it
    DELAYED = "delayed"  # underway, later than promised
    BLOCKED = "blocked"  # underway, but something must be cleared first (an operator's help, a closed way)
    CANCELED = "canceled"
    FAILED = "failed"
    COMPLETED = "completed"

    @property
    def is_final(self) -> bool:
        """Return whether nothing can follow."""
        return not CAUSES[self]

    @property
    def is_active(self) -> bool:
        """Return whether a robot executes the task."""
        return self in _ACTIVE


_ACTIVE: Final = frozenset({TaskStatus.UNDERWAY, TaskStatus.DELAYED, TaskStatus.BLOCKED})
_ENDED_AFTER_START: Final[Mapping[TaskStatus, str]] = MappingProxyType(
    {
        TaskStatus.QUEUED: "its robot cannot go on, another one shall",
        TaskStatus.COMPLETED: "its robot is done",
        TaskStatus.CANCELED: "its robot has given it up on request",
        TaskStatus.FAILED: "nobody can go on with it",
    }
)

CAUSES: Final[Mapping[TaskStatus, Mapping[TaskStatus, str]]] = MappingProxyType(
    {
        TaskStatus.QUEUED: {
            TaskStatus.STANDBY: "a robot was chosen",
            TaskStatus.CANCELED: "canceled on request",
            TaskStatus.FAILED: "nobody can do it any more",
        },
        TaskStatus.STANDBY: {
            TaskStatus.UNDERWAY: "its robot has begun",
            TaskStatus.QUEUED: "its robot does not take it up",
            TaskStatus.CANCELED: "canceled before it began",
            TaskStatus.FAILED: "no robot takes it up",
        },
        TaskStatus.UNDERWAY: {
            TaskStatus.DELAYED: "later than promised",
            TaskStatus.BLOCKED: "something must be cleared first",
            **_ENDED_AFTER_START,
        },
        TaskStatus.DELAYED: {
            TaskStatus.UNDERWAY: "caught up",
            TaskStatus.BLOCKED: "something must be cleared first",
            **_ENDED_AFTER_START,
        },
        TaskStatus.BLOCKED: {
            TaskStatus.UNDERWAY: "cleared",
            TaskStatus.DELAYED: "cleared, but late",
            **_ENDED_AFTER_START,
        },
        TaskStatus.CANCELED: {},
        TaskStatus.FAILED: {},
        TaskStatus.COMPLETED: {},
    }
)
"""The table: what may follow what, and why. `tools/status_diagram.py` draws it."""
TRANSITIONS: Final[Mapping[TaskStatus, frozenset[TaskStatus]]] = MappingProxyType(
    {status: frozenset(causes) for status, causes in CAUSES.items()}
)
"""What may follow what."""


def advance(current: TaskStatus, following: TaskStatus) -> TaskStatus:
    """Return the following status.

    Raises:
        StateError: the table does not allow it.
    """
    if following not in TRANSITIONS[current]:
        raise StateError(f"a task that is {current.value} cannot become {following.value}")
    return following
