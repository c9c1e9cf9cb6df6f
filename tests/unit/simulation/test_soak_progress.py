"""What nights of simulation add up to is kept, whoever works on it."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_ops.core.errors import ScenarioError
from robot_ops.simulation.soak_progress import FILE_NAME, Progress, ProgressFile

_RUNS = st.lists(
    st.tuples(
        st.sampled_from(["quiet", "my: night.yaml"]),
        st.sampled_from(["full", "none"]),
        st.sampled_from(["000000000000", "0e1234567890"]),
        st.integers(0, 2**62),
        st.floats(0.001, 1e4),
        st.booleans(),
    ),
    max_size=8,
)


@settings(max_examples=30, deadline=None)  # it writes to disk
@given(_RUNS)
def test_all_runs_add_up_in_the_file(runs: list[tuple[str, str, str, int, float, bool]]) -> None:
    expected = Progress()
    with tempfile.TemporaryDirectory() as folder:
        for scenario, profile, version, seed, hours, has_failed in runs:
            run = {"scenario": scenario, "profile": profile, "version": version}
            ProgressFile(Path(folder)).add(**run, seed=seed, robot_hours=hours, has_failed=has_failed)
            expected = expected.with_run(**run, seed=seed, robot_hours=hours, has_failed=has_failed)
        found = ProgressFile(Path(folder)).load()
    assert [(tally.key, tally.seeds, tally.failed) for tally in found.tallies] == [
        (tally.key, tally.seeds, tally.failed) for tally in expected.tallies
    ]
    assert found.robot_hours == pytest.approx(expected.robot_hours, abs=0.001 * (len(runs) + 1))
    assert (found.seeds, found.failed) == (len(runs), sum(run[-1] for run in runs))


def test_no_seed_is_taken_twice_whoever_takes_it(tmp_path: Path) -> None:
    one, other = ProgressFile(tmp_path), ProgressFile(tmp_path)
    taken = [one.take_seed(5), other.take_seed(5), one.take_seed(100), other.take_seed(5)]
    assert taken == [5, 6, 100, 101]
    one.add(scenario="quiet", profile="full", version="0", seed=5, robot_hours=1.0, has_failed=False)
    assert other.take_seed(0) == 102


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("format: 2\nnext_seed: 1\nruns: []\n", "format"),
        ("format: 1\nnext_seed: -1\nruns: []\n", "next_seed"),
        ("format: 1\nnext_seed: 1\nruns:\n  - {scenario: quiet}\n", "runs.0"),
        ("nonsense", "mapping"),
    ],
)
def test_a_damaged_file_is_told_and_left_alone(tmp_path: Path, text: str, wrong: str) -> None:
    path = tmp_path / FILE_NAME
    path.write_text(text)
    with pytest.raises(ScenarioError, match=wrong):
        ProgressFile(tmp_path).take_seed(1)
    assert path.read_text() == text


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="cannot be written"):
        ProgressFile(tmp_path / "missing").take_seed(1)
