"""Process tables: who runs, with which parameter files and by which clock."""

import importlib.util
from pathlib import Path

import pytest

from robot_ops.bringup.live_system import environment, fleet_table, robot_table, table, team_table
from robot_ops.core.errors import ParameterError
from robot_ops.core.ids import RobotId
from robot_ops.simulation.scenario import load_scenario

ROOT = Path(__file__).parents[3]
FILE = ROOT / "sim" / "scenarios" / "immigration_hall.yaml"
SCENARIO = load_scenario(FILE)


def test_every_robot_of_the_scenario_has_its_own_safety_process_and_takes_part_once(tmp_path: Path) -> None:
    processes = table(SCENARIO, scenario_file=FILE, folder=tmp_path, seed=3, speed=1.0, port=None)

    assert [process.name for process in processes] == [
        "world",
        "fleet",
        "guides",
        "couriers",
        *(f"safety.{robot}" for robot in SCENARIO.robots),
    ]
    driven = [
        argument
        for process in processes
        if process.module.endswith(".robots")
        for argument in process.arguments
        if argument in SCENARIO.robots
    ]
    assert sorted(driven) == sorted(SCENARIO.robots)


def test_only_simulated_teams_go_by_the_simulators_clock(tmp_path: Path) -> None:
    simulated = team_table(SCENARIO, scenario_file=FILE, folder=tmp_path, port=8080)
    real = [
        *fleet_table(scenario_file=FILE, folder=tmp_path, port=8080),
        *robot_table(RobotId("courier_1"), scenario_file=FILE, folder=tmp_path),
    ]

    assert not any("--system-clock" in process.arguments for process in simulated)
    assert all("--system-clock" in process.arguments for process in real)
    assert {process.module for process in simulated} == {process.module for process in real}


def test_modules_and_parameter_files_exist(tmp_path: Path) -> None:
    processes = table(SCENARIO, scenario_file=FILE, folder=tmp_path, seed=1, speed=1.0, port=8080)
    for process in processes:
        assert importlib.util.find_spec(process.module)
        words = process.arguments
        files = [Path(words[i + 1]) for i, word in enumerate(words) if word == "--params-file"]
        assert all(file.is_file() for file in files)
        # everything behind --ros-args is rclpy's
        assert not files or words.index("--ros-args") < words.index("--params-file")


def test_a_missing_parameter_file_is_told_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="no such file"):
        robot_table(RobotId("guide_1"), scenario_file=FILE, folder=tmp_path, parameters=tmp_path)


def test_what_the_user_has_set_stays_and_real_robots_hear_other_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "osmesa")

    assert environment()["MUJOCO_GL"] == "osmesa"
    assert "ROS_AUTOMATIC_DISCOVERY_RANGE" in environment()
    assert "ROS_AUTOMATIC_DISCOVERY_RANGE" not in environment(is_one_machine=False)
