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
        return not TRANSITIONS[self]

    @property
    def is_active(self) -> bool:
        """Return whether a robot executes the task."""
        return self in _ACTIVE


_ENDS: Final = frozenset({TaskStatus.CANCELED, TaskStatus.FAILED})
_ACTIVE: Final = frozenset({TaskStatus.UNDERWAY, TaskStatus.DELAYED, TaskStatus.BLOCKED})
_FROM_ACTIVE: Final = _ACTIVE | _ENDS | {TaskStatus.COMPLETED, TaskStatus.QUEUED}

TRANSITIONS: Final[Mapping[TaskStatus, frozenset[TaskStatus]]] = MappingProxyType(
    {
        TaskStatus.QUEUED: frozenset({TaskStatus.STANDBY}) | _ENDS,
        TaskStatus.STANDBY: frozenset({TaskStatus.QUEUED, TaskStatus.UNDERWAY}) | _ENDS,
        TaskStatus.UNDERWAY: _FROM_ACTIVE - {TaskStatus.UNDERWAY},
        TaskStatus.DELAYED: _FROM_ACTIVE - {TaskStatus.DELAYED},
        TaskStatus.BLOCKED: _FROM_ACTIVE - {TaskStatus.BLOCKED},
        TaskStatus.CANCELED: frozenset(),
        TaskStatus.FAILED: frozenset(),
        TaskStatus.COMPLETED: frozenset(),
    }
)
"""What may follow what. An active task goes back to queued when its robot breaks down before the pick-up."""


def advance(current: TaskStatus, following: TaskStatus) -> TaskStatus:
    """Return the following status.

    Raises:
        StateError: the table does not allow it.
    """
    if following not in TRANSITIONS[current]:
        raise StateError(f"a task that is {current.value} cannot become {following.value}")
    return following
