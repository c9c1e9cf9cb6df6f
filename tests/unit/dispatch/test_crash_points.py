"""Every point at which a process can die during a delivery. Longer stories: python -m tools.crash_points."""

from pathlib import Path

import pytest

from robot_ops.tasks.status import TaskStatus
from robot_ops.testing.crash_stories import STORIES, enumerate_crashes, quick_behaviors

BEHAVIORS = Path(__file__).parents[3] / "behaviors"


@pytest.mark.parametrize("is_pair", [False, True], ids=["one process", "all processes"])
def test_a_delivery_survives_a_crash_at_every_point(tmp_path: Path, is_pair: bool) -> None:
    trees = tmp_path / "behaviors"
    trees.mkdir()
    quick_behaviors(BEHAVIORS, trees)
    outcomes = dict(enumerate_crashes(STORIES["errand"], trees, folder=tmp_path, is_pair=is_pair))
    assert {point: outcome.faults for point, outcome in outcomes.items() if outcome.faults} == {}
    assert {
        point for point, outcome in outcomes.items() if set(outcome.statuses.values()) != {TaskStatus.COMPLETED}
    } == set()
    print(f"{len(outcomes) - 1} points")
    assert len(outcomes) > 80


@pytest.mark.parametrize("is_pair", [False, True], ids=["one process", "all processes"])
def test_a_document_that_changes_couriers_survives_crashes(tmp_path: Path, is_pair: bool) -> None:
    trees = tmp_path / "behaviors"
    trees.mkdir()
    quick_behaviors(BEHAVIORS, trees)
    every = 12 if is_pair else 8  # tools.crash_points tries all
    outcomes = dict(enumerate_crashes(STORIES["relay"], trees, folder=tmp_path, is_pair=is_pair, every=every))
    assert {point: outcome.faults for point, outcome in outcomes.items() if outcome.faults} == {}
    assert {status for outcome in outcomes.values() for status in outcome.statuses.values()} == {TaskStatus.COMPLETED}
    assert len(outcomes) > 150 / every


@pytest.mark.parametrize("is_pair", [False, True], ids=["one process", "all processes"])
def test_a_document_that_is_taken_out_by_key_survives_crashes(tmp_path: Path, is_pair: bool) -> None:
    trees = tmp_path / "behaviors"
    trees.mkdir()
    quick_behaviors(BEHAVIORS, trees)
    every = 20 if is_pair else 12  # tools.crash_points tries all
    outcomes = dict(enumerate_crashes(STORIES["key"], trees, folder=tmp_path, is_pair=is_pair, every=every))
    assert {point: outcome.faults for point, outcome in outcomes.items() if outcome.faults} == {}
    assert {status for outcome in outcomes.values() for status in outcome.statuses.values()} == {TaskStatus.COMPLETED}
    assert len(outcomes) > 200 / every


def test_the_points_are_the_same_in_every_life(tmp_path: Path) -> None:
    trees = tmp_path / "behaviors"
    trees.mkdir()
    quick_behaviors(BEHAVIORS, trees)
    (first, outcome), (second, other) = (
        next(enumerate_crashes(STORIES["break_down"], trees, folder=tmp_path)) for _ in range(2)
    )
    assert first == second == "no crash"
    assert list(outcome.points) == list(other.points)
    assert not outcome.faults
