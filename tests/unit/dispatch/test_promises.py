"""Promises learn from how earlier ones turned out."""

import math
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_ops.core.clock import to_ns
from robot_ops.core.ids import TaskId
from robot_ops.dispatch.promises import KEPT_SHARE, PromiseRecord
from robot_ops.tasks.book import TaskBook, TaskRecord
from robot_ops.tasks.requests import TaskKind
from robot_ops.tasks.status import TaskStatus
from robot_ops.testing.fleet_stand import FleetStand, guidance


def end(book: TaskBook, *, promised: float, took: float, status: TaskStatus = TaskStatus.COMPLETED) -> None:
    """Have a guidance end after `took` seconds."""
    task_id = TaskId(f"guide-{len(book.tasks):06d}")
    book.tasks[task_id] = TaskRecord(
        task_id=task_id,
        request=guidance(task_id),
        status=status,
        submitted_ns=0,
        promised_ns=to_ns(promised),
        finished_ns=to_ns(took),
    )
    book.ended_tasks.append(task_id)


def test_broken_promises_make_later_ones_longer_and_kept_ones_a_little_shorter() -> None:
    book, record = TaskBook(), PromiseRecord()
    first = record.stretch(book, TaskKind.GUIDE)
    end(book, promised=100.0, took=130.0)
    broken = record.stretch(book, TaskKind.GUIDE)
    end(book, promised=100.0, took=90.0)
    kept = record.stretch(book, TaskKind.GUIDE)
    assert 1.0 < first < kept < broken
    assert record.stretch(book, TaskKind.DELIVER) == first
    end(book, promised=100.0, took=500.0, status=TaskStatus.FAILED)
    assert record.stretch(book, TaskKind.GUIDE) == kept


def test_nine_of_ten_promises_are_kept_in_the_long_run() -> None:
    chance = np.random.default_rng(1)
    book, record = TaskBook(), PromiseRecord()
    kept = []
    for _ in range(600):
        estimate = float(chance.uniform(60.0, 600.0))
        promised = estimate * record.stretch(book, TaskKind.GUIDE)
        took = estimate * float(chance.lognormal(0.1, 0.35))
        end(book, promised=promised, took=took)
        kept.append(took <= promised)
    assert abs(sum(kept[100:]) / 500 - KEPT_SHARE) < 0.03


@settings(deadline=None, max_examples=50)
@given(outcomes=st.lists(st.tuples(st.floats(1.0, 1e4), st.floats(0.0, 1e5)), max_size=200))
def test_the_stretch_is_bounded_and_follows_from_the_book_alone(outcomes: list[tuple[float, float]]) -> None:
    book, record = TaskBook(), PromiseRecord()
    for promised, took in outcomes:
        end(book, promised=promised, took=took)
        assert 1.0 <= record.stretch(book, TaskKind.GUIDE) <= 3.0 + 1e-9
    assert math.isclose(PromiseRecord().stretch(book, TaskKind.GUIDE), record.stretch(book, TaskKind.GUIDE))
    fresh = replace(book)
    assert record.stretch(fresh, TaskKind.GUIDE) == PromiseRecord().stretch(book, TaskKind.GUIDE)


def test_a_task_tells_what_was_promised() -> None:
    stand = FleetStand()
    stand.run(1.0)
    accepted = stand.guide()
    assert stand.task(accepted.task_id).promised_ns == accepted.estimated_finish_ns
