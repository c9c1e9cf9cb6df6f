"""Lists of tasks come in pages: a flood of tasks never keeps the fleet from its work."""

import pytest

from robot_ops.core.clock import to_ns
from robot_ops.core.errors import RequestError
from robot_ops.core.ids import TaskId
from robot_ops.dispatch import listing
from robot_ops.dispatch.assigner import Assigner
from robot_ops.dispatch.context import Context
from robot_ops.dispatch.dispatcher import Dispatcher
from robot_ops.dispatch.listing import MOST_ON_PAGE
from robot_ops.dispatch.ports import TaskView
from robot_ops.tasks.book import TaskRecord
from robot_ops.tasks.events import EventKind, request_payload
from robot_ops.tasks.ledger import LedgerEvent
from robot_ops.tasks.status import TaskStatus
from robot_ops.testing.fleet_stand import FleetStand, guidance
from robot_ops.testing.memory_ledger import MemoryLedger

NOW_NS = 1_000_000_000_000
MANY = 10_000


def event(number: int, count: int, kind: EventKind, payload: dict[str, str | int | float | bool | None]) -> LedgerEvent:
    subject = f"guide-{number:06d}"
    return LedgerEvent(
        event_id=f"{subject}#{count}", kind=kind.value, subject=subject, stamp_ns=NOW_NS + number, payload=payload
    )


def stand_with(open_count: int, ended_count: int = 0) -> FleetStand:
    """Return a fleet that finds tasks in its ledger: canceled ones, then open ones."""
    ledger = MemoryLedger()
    for number in range(1, open_count + ended_count + 1):
        payload = {**request_payload(guidance(f"r{number}")), "promised_ns": NOW_NS}
        ledger.append(event(number, 0, EventKind.ACCEPTED, payload))
        if number <= ended_count:
            ended = {"status": TaskStatus.CANCELED.value, "reason": "no need"}
            ledger.append(event(number, 1, EventKind.STATUS, {**ended}))
    return FleetStand(ledger=ledger)


def pages(fleet: Dispatcher, limit: int = 0, *, with_finished: bool) -> list[list[str]]:
    found, after = [], None
    while True:
        page = fleet.task_page(after, limit, with_finished=with_finished)
        found.append([str(task.task_id) for task in page.tasks])
        if page.next is None:
            return found
        after = page.next


@pytest.fixture
def converted(monkeypatch: pytest.MonkeyPatch) -> list[TaskId]:
    """The tasks of which views were made."""
    made: list[TaskId] = []
    make = listing.task_view

    def counted(context: Context, assigner: Assigner, task: TaskRecord, now_ns: int) -> TaskView:
        made.append(task.task_id)
        return make(context, assigner, task, now_ns)

    monkeypatch.setattr(listing, "task_view", counted)
    return made


def test_no_call_makes_more_than_a_page_of_ten_thousand_tasks(converted: list[TaskId]) -> None:
    stand = stand_with(MANY)
    seen = 0
    after = None
    while True:
        converted.clear()
        page = stand.fleet.task_page(after, 4_000_000_000, with_finished=False)
        assert len(page.tasks) == len(converted) <= MOST_ON_PAGE
        seen += len(page.tasks)
        if page.next is None:
            break
        after = page.next
    assert seen == MANY
    assert stand.fleet.open_count == MANY
    converted.clear()
    assert len(stand.fleet.tasks_since(0, most_waiting=300, most_ended=200)) == len(converted) == 300


def test_what_everybody_is_shown_is_bounded_when_many_have_ended(converted: list[TaskId]) -> None:
    stand = stand_with(500, ended_count=2000)
    shown = stand.fleet.tasks_since(0, most_waiting=300, most_ended=200)
    assert len(shown) == len(converted) == 500
    assert [task.task_id for task in shown][:2] == ["guide-001801", "guide-001802"]  # the latest that ended
    assert [task.task_id for task in shown][-1] == "guide-002300"  # the first that wait
    assert [task.status for task in shown].count(TaskStatus.CANCELED) == 200
    late_ns = NOW_NS + 1990
    assert len(stand.fleet.tasks_since(late_ns, most_waiting=0)) == 11
    assert stand.fleet.tasks_since(NOW_NS + to_ns(1.0), most_waiting=0) == ()


@pytest.mark.parametrize(("limit", "sizes"), [(0, [7]), (3, [3, 3, 1]), (7, [7]), (1, [1] * 7)])
def test_pages_go_on_where_the_one_before_ended(limit: int, sizes: list[int]) -> None:
    stand = stand_with(4, ended_count=3)
    found = pages(stand.fleet, limit, with_finished=True)
    assert [len(page) for page in found] == sizes
    assert [task for page in found for task in page] == [f"guide-{number:06d}" for number in range(1, 8)]
    only_open = pages(stand.fleet, limit, with_finished=False)
    assert [task for page in only_open for task in page] == [f"guide-{number:06d}" for number in range(4, 8)]


def test_a_task_that_ends_between_two_pages_does_not_break_them() -> None:
    stand = stand_with(6)
    first = stand.fleet.task_page(None, 2, with_finished=False)
    assert first.next == "guide-000002"
    stand.fleet.cancel(TaskId("guide-000002"), "no need")
    rest = stand.fleet.task_page(first.next, 10, with_finished=False)
    assert [task.task_id for task in rest.tasks] == [f"guide-{number:06d}" for number in range(3, 7)]
    assert rest.next is None


def test_a_page_after_a_task_that_is_not_there_is_refused() -> None:
    stand = stand_with(1)
    with pytest.raises(RequestError, match="no task 'guide-000009' to go on after") as caught:
        stand.fleet.task_page(TaskId("guide-000009"), with_finished=False)
    assert caught.value.where == "after"
    assert stand_with(0).fleet.task_page(None, with_finished=True).tasks == ()
