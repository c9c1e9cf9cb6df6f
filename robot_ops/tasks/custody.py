"""The chain of custody: who did what to which compartment, hash-linked per robot."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

from robot_ops.core.errors import StateError
from robot_ops.core.ids import PersonId, RobotId, TaskId

GENESIS: Final = "0" * 64


class CustodyKind(Enum):
    """What happened."""

    AUTHENTICATED = "authenticated"
    REFUSED = "refused"  # a wrong code or person
    UNLOCKED = "unlocked"  # recorded before the lock is told
    LOADED = "loaded"  # the person confirmed that the document lies inside
    LOCKED = "locked"  # the lock reported closed and locked
    UNLOADED = "unloaded"
    RECEIPT = "receipt"  # the recipient confirmed, the compartment is empty
    RETURNED = "returned"  # the sender took it back
    HANDED_OVER = "handed_over"  # a custodian took it out of a robot that cannot go on
    TAKEN_OUT = "taken_out"  # somebody had opened it by key, as the fleet has told the robot


@dataclass(frozen=True, slots=True, kw_only=True)
class CustodyEvent:
    """One link of a robot's chain.

    Attributes:
        seq: 0, 1, 2 ... per robot.
        previous: `digest` of the event before, GENESIS for the first.
        digest: SHA-256, hex, over all other fields.
    """

    robot: RobotId
    seq: int
    stamp_ns: int
    kind: CustodyKind
    task_id: TaskId
    person: PersonId
    compartment: str
    previous: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainHead:
    """How long a robot's chain is, and the digest of its last event; GENESIS where there is none."""

    count: int
    digest: str


class CustodyLog(Protocol):
    """Durable log of one robot's chain. An event is on disk when `record` returns.

    Events of one (task, kind, person, compartment) may repeat; the log keeps them all.
    """

    def record(
        self, *, kind: CustodyKind, task_id: TaskId, person: PersonId, compartment: str, stamp_ns: int
    ) -> CustodyEvent:
        """Append an event and return it once it is durable.

        Raises:
            LedgerError: it could not be written; nothing may be opened then.
        """
        ...

    def events(self, task_id: TaskId | None = None) -> tuple[CustodyEvent, ...]:
        """Return the events in order, of one task or all."""
        ...


def head_of(events: Sequence[CustodyEvent]) -> ChainHead:
    """Return the head of a robot's whole chain."""
    return ChainHead(count=len(events), digest=events[-1].digest if events else GENESIS)


def link(
    previous: CustodyEvent | None,
    *,
    robot: RobotId,
    kind: CustodyKind,
    task_id: TaskId,
    person: PersonId,
    compartment: str,
    stamp_ns: int,
) -> CustodyEvent:
    """Return the event that follows `previous` in the robot's chain."""
    seq = 0 if previous is None else previous.seq + 1
    before = GENESIS if previous is None else previous.digest
    digest = _digest(robot, seq, stamp_ns, kind, task_id, person, compartment, before)
    return CustodyEvent(
        robot=robot,
        seq=seq,
        stamp_ns=stamp_ns,
        kind=kind,
        task_id=task_id,
        person=person,
        compartment=compartment,
        previous=before,
        digest=digest,
    )


def verify(events: Iterable[CustodyEvent]) -> None:
    """Check one robot's whole chain.

    Raises:
        StateError: an event was changed, dropped or reordered; the message names the first.
    """
    before, robot = GENESIS, None
    for expected_seq, event in enumerate(events):
        robot = event.robot if robot is None else robot
        digest = _digest(
            event.robot,
            event.seq,
            event.stamp_ns,
            event.kind,
            event.task_id,
            event.person,
            event.compartment,
            event.previous,
        )
        if event.robot != robot or event.seq != expected_seq or event.previous != before or event.digest != digest:
            raise StateError(f"custody chain of {robot} is broken at event {expected_seq}")
        before = event.digest


def _digest(
    robot: RobotId,
    seq: int,
    stamp_ns: int,
    kind: CustodyKind,
    task_id: TaskId,
    person: PersonId,
    compartment: str,
    previous: str,
) -> str:
    fields = [robot, seq, stamp_ns, kind.value, task_id, person, compartment, previous]
    return hashlib.sha256(json.dumps(fields, separators=(",", ":"), ensure_ascii=True).encode()).hexdigest()
