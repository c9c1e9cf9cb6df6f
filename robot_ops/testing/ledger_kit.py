"""Conformance kits of the Ledger and CustodyLog ports, free of any test framework.

Each check takes a function that opens a log; opening the same `name` again reopens what was written before, if the log
is durable.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from robot_ops.core.ids import PersonId, RobotId, TaskId
from robot_ops.tasks.custody import CustodyEvent, CustodyKind, CustodyLog, verify
from robot_ops.tasks.ledger import Ledger, LedgerEvent

OpenLedger = Callable[[str], AbstractContextManager[Ledger]]
OpenCustodyLog = Callable[[str, RobotId], AbstractContextManager[CustodyLog]]


def sample_event(number: int, *, event_id: str | None = None) -> LedgerEvent:
    """Return an event that differs from those of other numbers and has a payload of every type."""
    return LedgerEvent(
        event_id=f"event-{number}" if event_id is None else event_id,
        kind="task.status",
        subject=f"guide-{number:06d}",
        stamp_ns=number * 1_000_000_007,
        payload={
            "text": f"Schalter {number} – „größer“",
            "count": number,
            "ratio": 0.1 * number,
            "is_so": True,
            "n": None,
        },
    )


def check_ledger(open_ledger: OpenLedger) -> None:
    """Run all checks that every Ledger passes."""
    _keeps_order_and_values(open_ledger)
    _skips_known_ids(open_ledger)
    _is_all_or_nothing(open_ledger)
    _digest_tells_histories_apart(open_ledger)


def check_ledger_is_durable(open_ledger: OpenLedger) -> None:
    """Check that a reopened ledger holds what was appended and goes on from there."""
    events = [sample_event(number) for number in range(5)]
    with open_ledger("durable") as ledger:
        ledger.append(*events[:3])
        digest = ledger.digest()
    with open_ledger("durable") as ledger:
        _demand(ledger.digest() == digest, "the digest survives reopening")
        ledger.append(*events[2:])
    with open_ledger("durable") as ledger:
        _demand(list(ledger.events()) == events, "all events survive reopening")
        digest = ledger.digest()
    with open_ledger("durable_at_once") as ledger:
        ledger.append(*events)
        _demand(ledger.digest() == digest, "the digest does not depend on how events were grouped")


def check_custody_log(open_log: OpenCustodyLog) -> None:
    """Run all checks that every CustodyLog passes."""
    robot = RobotId("courier_1")
    with open_log("custody", robot) as log:
        _demand(log.events() == (), "a new log is empty")
        recorded = [_record(log, number) for number in range(6)]
        _demand(log.events() == tuple(recorded), "events come back in order, unchanged, repeats included")
        _demand([event.seq for event in recorded] == list(range(6)), "events are numbered from 0 without gaps")
        verify(log.events())
        of_one = log.events(TaskId("deliver-000001"))
        _demand(of_one == tuple(event for event in recorded if event.task_id == "deliver-000001"), "events of one task")
        _demand(log.events(TaskId("deliver-999999")) == (), "an unknown task has no events")


def check_custody_log_is_durable(open_log: OpenCustodyLog) -> None:
    """Check that a reopened log goes on with the same chain."""
    robot = RobotId("courier_1")
    with open_log("custody_durable", robot) as log:
        first = _record(log, 0)
    with open_log("custody_durable", robot) as log:
        second = _record(log, 1)
        _demand(log.events() == (first, second), "events survive reopening")
        _demand(second.previous == first.digest, "the chain goes on")
        verify(log.events())


def _keeps_order_and_values(open_ledger: OpenLedger) -> None:
    events = [sample_event(number) for number in (3, 1, 2)]
    with open_ledger("order") as ledger:
        _demand(list(ledger.events()) == [], "a new ledger is empty")
        for event in events:
            ledger.append(event)
        ledger.append()
        _demand(list(ledger.events()) == events, "events come back in the order they were appended, unchanged")


def _skips_known_ids(open_ledger: OpenLedger) -> None:
    first, second = sample_event(1), sample_event(2)
    with open_ledger("known") as ledger:
        ledger.append(first)
        digest = ledger.digest()
        ledger.append(first)
        ledger.append(sample_event(9, event_id=first.event_id))
        _demand(ledger.digest() == digest, "a known id changes nothing")
        ledger.append(first, second, second)
        _demand(list(ledger.events()) == [first, second], "known ids are skipped within a group, too")


def _is_all_or_nothing(open_ledger: OpenLedger) -> None:
    bad = LedgerEvent(event_id="bad", kind="task.status", subject="x", stamp_ns=0, payload={"soc": float("nan")})
    with open_ledger("all_or_nothing") as ledger:
        ledger.append(sample_event(1))
        before = ledger.digest()
        try:
            ledger.append(sample_event(2), bad, sample_event(3))
        except ValueError:
            pass
        else:
            _demand(False, "a number that is not finite is refused")
        _demand(ledger.digest() == before, "a refused group leaves the digest")
        _demand(_ids(ledger) == ["event-1"], "a refused group leaves nothing")
        ledger.append(sample_event(2))
        _demand(_ids(ledger) == ["event-1", "event-2"], "the ledger goes on after a refusal")


def _digest_tells_histories_apart(open_ledger: OpenLedger) -> None:
    base = sample_event(1)
    other_payload = LedgerEvent(
        event_id=base.event_id, kind=base.kind, subject=base.subject, stamp_ns=base.stamp_ns, payload={"a": 1}
    )
    histories: list[list[LedgerEvent]] = [
        [],
        [base],
        [other_payload],
        [base, sample_event(2)],
        [sample_event(2), base],
    ]
    digests = set()
    for number, history in enumerate(histories):
        with open_ledger(f"history_{number}") as ledger:
            ledger.append(*history)
            digests.add(ledger.digest())
    _demand(len(digests) == len(histories), "different histories have different digests")


def _record(log: CustodyLog, number: int) -> CustodyEvent:
    kinds = list(CustodyKind)
    return log.record(
        kind=kinds[number % len(kinds)],
        task_id=TaskId(f"deliver-{number % 2:06d}"),
        person=PersonId("clerk.ada"),
        compartment="c1",
        stamp_ns=number,
    )


def _ids(ledger: Ledger) -> Sequence[str]:
    return [event.event_id for event in ledger.events()]


def _demand(is_so: bool, what: str) -> None:
    if not is_so:
        raise AssertionError(f"does not hold: {what}")
