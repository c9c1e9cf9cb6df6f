"""The table of task status."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_ops.core.errors import StateError
from robot_ops.tasks.status import TRANSITIONS, TaskStatus, advance


def test_every_status_has_its_row() -> None:
    assert set(TRANSITIONS) == set(TaskStatus)


def test_final_status() -> None:
    finals = {status for status in TaskStatus if status.is_final}
    assert finals == {TaskStatus.CANCELED, TaskStatus.FAILED, TaskStatus.COMPLETED}
    assert not any(status.is_active for status in finals)


def test_every_status_is_reachable_and_can_end() -> None:
    reached, frontier = {TaskStatus.QUEUED}, [TaskStatus.QUEUED]
    while frontier:
        new = TRANSITIONS[frontier.pop()] - reached
        reached |= new
        frontier.extend(new)
    assert reached == set(TaskStatus)
    for status in TaskStatus:
        assert status.is_final or {TaskStatus.CANCELED, TaskStatus.FAILED} <= TRANSITIONS[status]


@given(current=st.sampled_from(TaskStatus), following=st.sampled_from(TaskStatus))
def test_advance_obeys_the_table(current: TaskStatus, following: TaskStatus) -> None:
    if following in TRANSITIONS[current]:
        assert advance(current, following) is following
    else:
        with pytest.raises(StateError, match=f"{current.value} cannot become {following.value}"):
            advance(current, following)


def test_only_a_task_that_a_robot_executes_completes() -> None:
    assert {status for status in TaskStatus if TaskStatus.COMPLETED in TRANSITIONS[status]} == {
        status for status in TaskStatus if status.is_active
    }
