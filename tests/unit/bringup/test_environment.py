from dataclasses import replace
from pathlib import Path

import pytest

from robot_ops.bringup.environment import Machine, check_environment, inspect_environment, this_machine
from robot_ops.core.errors import SetupError


def sites_are_missing() -> Path:
    raise SetupError("the shared data folder sites/ is missing", mend="Install robot_ops again")


@pytest.fixture
def machine() -> Machine:
    """A machine with the wheels and all else that is needed."""
    return Machine(
        environ={},
        python=(3, 12),
        prefix=Path("/venv"),
        has_ros_wheels=True,
        has_module=lambda _: True,
        has_library=lambda _: True,
        has_rclpy=lambda prefix: prefix in (Path("/opt/ros/kilted"), Path("/venv")),
        shared_data=lambda: Path("/checkout"),
    )


def test_a_machine_with_all_of_it_passes(machine: Machine) -> None:
    assert all(check.is_ok and not check.mend for check in inspect_environment(machine))
    check_environment(machine)


@pytest.mark.parametrize("python", [(3, 10), (3, 14), (2, 7)])
def test_python_outside_the_range(machine: Machine, python: tuple[int, int]) -> None:
    with pytest.raises(SetupError, match=r"Python: Python .* is not one of 3.11 to 3.13.*PYTHON="):
        check_environment(replace(machine, python=python))


def test_ros_sourced_beside_the_wheels(machine: Machine) -> None:
    both = replace(machine, environ={"AMENT_PREFIX_PATH": "/workspace/install:/opt/ros/kilted"})

    with pytest.raises(SetupError, match=r"/opt/ros/kilted is sourced.*do not mix.*does not source it"):
        check_environment(both)


@pytest.mark.parametrize(
    ("path", "has_ros_wheels"),
    [("/opt/ros/kilted", False), ("/venv", True), ("", True), ("/elsewhere:", True)],
)
def test_one_ros_alone_is_fine(machine: Machine, path: str, has_ros_wheels: bool) -> None:
    check_environment(replace(machine, environ={"AMENT_PREFIX_PATH": path}, has_ros_wheels=has_ros_wheels))


def test_interfaces_not_compiled(machine: Machine) -> None:
    bare = replace(machine, has_module=lambda name: name != "robot_ops_interfaces")

    with pytest.raises(SetupError, match=r"robot_ops_interfaces is missing.*`make setup`: it compiles"):
        check_environment(bare)


def test_interfaces_missing_beside_an_installation(machine: Machine) -> None:
    bare = replace(
        machine,
        environ={"AMENT_PREFIX_PATH": "/opt/ros/kilted"},
        has_ros_wheels=False,
        has_module=lambda name: name not in ("robot_ops_interfaces", "nav2_msgs"),
    )

    with pytest.raises(SetupError, match=r"source install/setup.bash; install ros-\$ROS_DISTRO-nav2-msgs"):
        check_environment(bare)


def test_all_that_is_missing_is_told_at_once(machine: Machine) -> None:
    bare = replace(machine, has_module=lambda _: False, shared_data=sites_are_missing)

    with pytest.raises(SetupError) as raised:
        check_environment(bare)

    for name in ("rclpy", "robot_ops_interfaces", "nav2_msgs", "opencv-python", "mujoco", "sites/"):
        assert name in str(raised.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"has_library": lambda name: name != "libOpenGL.so.0"},
        {"environ": {"MUJOCO_GL": "glfw"}},
    ],
)
def test_only_cameras_need_gl(machine: Machine, changes: dict[str, object]) -> None:
    without = replace(machine, **changes)

    check_environment(without, with_pictures=False)
    with pytest.raises(SetupError, match=r"libopengl0|MUJOCO_GL=egl"):
        check_environment(without)


def test_glfw_with_a_window_system(machine: Machine) -> None:
    check_environment(replace(machine, environ={"MUJOCO_GL": "glfw", "DISPLAY": ":0"}))


def test_this_machine_is_ready() -> None:
    """The set-up that runs before the tests leaves nothing to mend."""
    assert [check for check in inspect_environment(this_machine()) if not check.is_ok] == []
