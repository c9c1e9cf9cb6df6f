"""Every point at which a process can die during a delivery. Longer stories: python -m tools.crash_points."""

from pathlib import Path

import pytest

from robot_ops.tasks.status import TaskStatus
from robot_ops.testing.crash_stories import STORIES, enumerate_crashes, quick_behaviors

BEHAVIORS = Path(__file__).parents[3] / "behaviors"


@pytest.mark.parametrize(
    ("story", "is_pair", "every", "points"),
    [
        pytest.param("relay", False, 8, 150, id="it changes couriers, one process"),
        pytest.param("relay", True, 12, 150, id="it changes couriers, all processes"),
        pytest.param("canceled_relay", False, 12, 130, id="it is canceled while it changes couriers, one process"),
        pytest.param("canceled_relay", True, 16, 130, id="it is canceled while it changes couriers, all processes"),
        pytest.param("key", False, 12, 200, id="it is taken out by key, one process"),
        pytest.param("key", True, 20, 200, id="it is taken out by key, all processes"),
    ],
)
def test_a_document_survives_crashes(tmp_path: Path, story: str, is_pair: bool, every: int, points: int) -> None:
    trees = tmp_path / "behaviors"
    trees.mkdir()
    quick_behaviors(BEHAVIORS, trees)
    # tools.crash_points tries all
    outcomes = dict(enumerate_crashes(STORIES[story], trees, folder=tmp_path, is_pair=is_pair, every=every))
    assert {point: outcome.faults for point, outcome in outcomes.items() if outcome.faults} == {}
    end = TaskStatus.CANCELED if story == "canceled_relay" else TaskStatus.COMPLETED
    assert {status for outcome in outcomes.values() for status in outcome.statuses.values()} == {end}
    assert len(outcomes) > points / every


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
