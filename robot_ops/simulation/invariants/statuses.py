"""Statuses follow each other as Open-RMF's words mean it: a table of its own, not the product's."""

from robot_ops.simulation.invariants.base import Broken, Invariant, World
from robot_ops.tasks.ledger import LedgerEvent

_ACTIVE = frozenset({"underway", "delayed", "blocked"})
_ENDS = frozenset({"completed", "failed", "canceled"})
_MAY_FOLLOW = {
    "": frozenset({"queued"}),
    "queued": frozenset({"standby", "failed", "canceled"}),
    "standby": frozenset({"queued", "underway", "blocked", "failed", "canceled"}),
    **{status: _ACTIVE | _ENDS | {"queued"} for status in _ACTIVE},
    **{status: frozenset() for status in _ENDS},
}
_MEANS = {
    "task.accepted": "queued",
    "task.assigned": "standby",
    "task.released": "queued",
    "task.stranded": "blocked",
}


class Statuses(Invariant):
    """Follows every task by the ledger."""

    name = "statuses"
    says = "a task's status changes only as the table of statuses allows, and never again once it has ended"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._status: dict[str, str] = {}

    def written(self, event: LedgerEvent) -> None:
        """Look whether the new status may follow."""
        if event.kind in ("task.status", "task.taken_out"):
            status = str(event.payload["status"])
        elif event.kind in _MEANS:
            status = _MEANS[event.kind]
        else:
            return
        before = self._status.get(event.subject, "")
        if event.kind == "task.taken_out" and status == before:
            return  # an ended task's document leaves its robot at last
        if status not in _MAY_FOLLOW[before]:
            raise Broken(f"{event.subject} was {before or 'unknown'} and becomes {status}")
        self._status[event.subject] = status
