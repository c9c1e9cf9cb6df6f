from pathlib import Path

import pytest

from robot_ops.core.errors import ScenarioError
from robot_ops.core.resources import shared_folder
from robot_ops.simulation.fault_profile import draw_faults, load_profile, victims
from robot_ops.simulation.faults import SORTS, FaultKind, Victim
from robot_ops.simulation.replay_file import load_replay, write_replay
from robot_ops.simulation.scenario import Scenario, load_scenario
from robot_ops.simulation.soak import Case, Failure

FOLDER = shared_folder("sim") / "faults"
NAMES = ["none", "network", "crashes", "hardware", "people", "full"]


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return load_scenario(shared_folder("sim") / "scenarios" / "quiet.yaml")


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(f"format: 1\nfaults:\n{text}\n")
    return path


@pytest.mark.parametrize("name", NAMES)
def test_named_profiles_can_be_read(name: str) -> None:
    profile = load_profile(FOLDER / f"{name}.yaml")
    assert profile.name == name
    assert profile.title


def test_full_has_every_kind_and_the_others_share_them() -> None:
    kinds = {name: {rate.kind for rate in load_profile(FOLDER / f"{name}.yaml").rates} for name in NAMES}
    assert kinds["full"] == set(FaultKind) == set(SORTS)
    assert kinds["none"] == set()
    parts = [kinds[name] for name in ("network", "crashes", "hardware", "people")]
    assert set().union(*parts) == kinds["full"]
    assert sum(map(len, parts)) == len(kinds["full"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("  los: {per_hour: 1, lasts_s: [1, 2], amount: [0, 1]}", "mine.yaml:3, faults.los: there is no fault 'los'"),
        ("  loss: {per_hour: -1, lasts_s: [1, 2], amount: [0, 1]}", "per_hour"),
        ("  loss: {per_hour: 1, lasts_s: [2, 1], amount: [0, 1]}", "lasts_s: expected [least, most]"),
        ("  loss: {per_hour: 1, lasts_s: [1, 2], amount: [0, 2]}", "amount"),
        ("  loss: {per_hour: 1, lasts_s: [1, 2]}", "'amount' is missing"),
        ("  cut: {per_hour: 1, lasts_s: [1, 2], amount: [0, 1]}", "unknown key 'amount'"),
        ("  visitor_leaves: {per_hour: 1, lasts_s: [1, 2]}", "unknown key 'lasts_s'"),
        ("  cut: {per_hour: .nan, lasts_s: [1, 2]}", "per_hour"),
        ("  cut: 3", "mapping"),
    ],
)
def test_wrong_profiles_are_refused_with_line_and_field(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ScenarioError) as raised:
        load_profile(write(tmp_path, text))
    assert message in str(raised.value)
    assert "mine.yaml:3" in str(raised.value)


def test_equal_seeds_draw_equal_faults_in_order_and_in_time(scenario: Scenario) -> None:
    profile = load_profile(FOLDER / "full.yaml")
    faults = draw_faults(profile, scenario, duration=7200.0, seed=3)
    assert faults == draw_faults(profile, scenario, duration=7200.0, seed=3)
    assert faults != draw_faults(profile, scenario, duration=7200.0, seed=4)
    assert [fault.number for fault in faults] == list(range(len(faults)))
    assert [fault.at for fault in faults] == sorted(fault.at for fault in faults)
    for fault in faults:
        assert fault.at >= 0.0
        assert fault.at + fault.duration <= 7200.01
        assert fault.target in victims(scenario, SORTS[fault.kind].victim)


def test_nobody_bars_a_lift(scenario: Scenario) -> None:
    cabins = {node for lift in scenario.site.lifts.values() for node in lift.stops.values()}
    lanes = victims(scenario, Victim.LANE)
    assert lanes
    assert not any({scenario.site.lanes[lane].start, scenario.site.lanes[lane].end} & cabins for lane in lanes)


def test_a_replay_file_keeps_everything(scenario: Scenario, tmp_path: Path) -> None:
    faults = draw_faults(load_profile(FOLDER / "full.yaml"), scenario, duration=7200.0, seed=3)
    case = Case(scenario=scenario, seed=3, duration=1234.5, faults=faults)
    failure = Failure(invariant="locks", text="courier_1 opens\nit", at=12.0)
    path = tmp_path / "failure.yaml"

    write_replay(path, case, failure, scenario="quiet")
    replay = load_replay(path)

    assert replay.faults == faults
    assert (replay.scenario, replay.seed, replay.duration, replay.robots) == ("quiet", 3, 1234.5, 2)
    assert replay.invariant == "locks"


def test_a_replay_without_faults(scenario: Scenario, tmp_path: Path) -> None:
    case = Case(scenario=scenario, seed=3, duration=10.0, faults=())
    write_replay(tmp_path / "r.yaml", case, Failure(invariant="once", text="", at=1.0), scenario="quiet")
    assert load_replay(tmp_path / "r.yaml").faults == ()


def test_a_wrong_replay_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text("format: 1\nscenario: quiet\nrobots: 2\nseed: 1\nduration_s: 9\nbreaks: x\nfaults: [{number: 1}]\n")
    with pytest.raises(ScenarioError, match="'kind' is missing"):
        load_replay(path)
