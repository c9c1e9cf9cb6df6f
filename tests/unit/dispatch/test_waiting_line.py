"""Lines of waiting tasks: in order, up to date, and what a place in them means."""

from hypothesis import given, settings
from hypothesis import strategies as st

from robot_ops.allocation.fleet_work import PATIENCE_S
from robot_ops.allocation.planner import MAX_PLANNED
from robot_ops.core.clock import to_ns
from robot_ops.core.ids import TaskId
from robot_ops.dispatch.waiting_line import PER_ROBOT, WaitingLine, rank
from robot_ops.tasks.book import TaskBook, TaskRecord
from robot_ops.tasks.requests import TaskRequest
from robot_ops.tasks.status import TaskStatus
from robot_ops.testing.fleet_stand import delivery, guidance

_action = st.tuples(st.sampled_from(["guide", "deliver", "end"]), st.integers(-2, 2), st.integers(0, 900))


def record(number: int, request: TaskRequest, submitted: float = 0.0) -> TaskRecord:
    return TaskRecord(
        task_id=TaskId(f"{request.kind.value}-{number:06d}"),
        request=request,
        status=TaskStatus.QUEUED,
        submitted_ns=to_ns(submitted),
        promised_ns=0,
    )


def put(book: TaskBook, task: TaskRecord) -> None:
    book.tasks[task.task_id] = task
    book.open_tasks[task.task_id] = None


@settings(deadline=None, max_examples=60)
@given(actions=st.lists(_action, max_size=60))
def test_a_line_that_follows_the_book_is_as_a_new_one(actions: list[tuple[str, int, int]]) -> None:
    book, line = TaskBook(), WaitingLine()
    for number, (what, priority, second) in enumerate(actions):
        if what == "end":
            for task_id in list(book.open_tasks)[priority : priority + 1]:
                del book.open_tasks[task_id]
        else:
            make = guidance if what == "guide" else delivery
            put(book, record(number, make(str(number), priority=priority), second))
        if second % 3:
            line.refresh(book)
    line.refresh(book)
    fresh = WaitingLine()
    fresh.refresh(book)
    assert line.abilities == fresh.abilities
    assert [line.of(key) for key in line.abilities] == [fresh.of(key) for key in fresh.abilities]
    assert len(line) == len(book.open_tasks)
    assert sorted(line.front(lambda _: 50)) == sorted(book.open_tasks)


def test_a_priority_is_worth_five_minutes() -> None:
    urgent, plain = guidance("a", priority=1), guidance("b")
    at = to_ns(1000.0)
    assert rank(urgent, at, TaskId("x")) < rank(plain, at, TaskId("a"))
    assert rank(urgent, at + to_ns(PATIENCE_S - 1.0), TaskId("x")) < rank(plain, at, TaskId("a"))
    assert rank(urgent, at + to_ns(PATIENCE_S + 1.0), TaskId("x")) > rank(plain, at, TaskId("a"))


def test_many_of_one_kind_leave_room_for_the_others() -> None:
    book, line = TaskBook(), WaitingLine()
    for number in range(5000):
        put(book, record(number, guidance(str(number)), submitted=float(number)))
    put(book, record(6000, delivery("last"), submitted=6000.0))
    line.refresh(book)
    front = line.front(lambda _: 2)
    assert "deliver-006000" in front
    assert "guide-000000" in front
    assert len(front) <= 2 * (PER_ROBOT * 2 + 8) <= MAX_PLANNED
