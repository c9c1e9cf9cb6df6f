"""Checks of the machine and its environment, before anything is started and for `robot-ops doctor`."""

from __future__ import annotations

import ctypes
import importlib.metadata
import importlib.util
import os
import sys
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from robot_ops.core.errors import SetupError
from robot_ops.core.resources import shared_folder

OLDEST_PYTHON: Final = (3, 11)
NEWEST_PYTHON: Final = (3, 13)

_INTERFACES: Final = ("robot_ops_interfaces", "nav2_msgs", "tf2_msgs")
_PYTHON_PACKAGES: Final = {
    "cv2": "opencv-python",
    "fastapi": "fastapi",
    "jupedsim": "jupedsim",
    "mujoco": "mujoco",
    "numpy": "numpy",
    "pupil_apriltags": "pupil-apriltags",
    "py_trees": "py_trees",
    "shapely": "shapely",
    "sqlalchemy": "SQLAlchemy",
    "uvicorn": "uvicorn",
    "yaml": "PyYAML",
}
_GL_PACKAGES: Final = {"libEGL.so.1": "libegl1", "libOpenGL.so.0": "libopengl0", "libEGL_mesa.so.0": "libgl1-mesa-dri"}
_MEND_SETUP: Final = "Run `make setup`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What the checks may ask about a machine.

    Attributes:
        environ: environment variables.
        python: version (major, minor).
        prefix: prefix of the running Python environment.
        has_ros_wheels: whether ROS packages from PyPI are installed in this Python environment.
        has_module: whether a Python module can be found.
        has_library: whether a shared library, given by its soname, can be loaded.
        has_rclpy: whether a folder is the prefix of a ROS installation with rclpy.
        shared_data: finds the shared data folders or raises SetupError.
    """

    environ: Mapping[str, str]
    python: tuple[int, int]
    prefix: Path
    has_ros_wheels: bool
    has_module: Callable[[str], bool]
    has_library: Callable[[str], bool]
    has_rclpy: Callable[[Path], bool]
    shared_data: Callable[[], Path]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The outcome of one check.

    Attributes:
        found: what was found, for people.
        mend: what to do about it; empty while `is_ok`.
        is_for_pictures: only the embedded simulator's cameras need it.
    """

    name: str
    is_ok: bool
    found: str
    mend: str = ""
    is_for_pictures: bool = False


def this_machine() -> Machine:
    """Return the machine and environment of this process."""
    return Machine(
        environ=os.environ,
        python=sys.version_info[:2],
        prefix=Path(sys.prefix),
        has_ros_wheels=_is_installed("ros-rclpy"),
        has_module=_has_module,
        has_library=_has_library,
        has_rclpy=_has_rclpy,
        shared_data=lambda: shared_folder("sites").parent,
    )


def inspect_environment(machine: Machine) -> tuple[Check, ...]:
    """Return the outcomes of all checks, in the order in which to mend what fails."""
    return (
        _check_python(machine),
        _check_one_ros(machine),
        _check_rclpy(machine),
        _check_interfaces(machine),
        _check_python_packages(machine),
        _check_shared_data(machine),
        _check_window_system(machine),
        _check_gl(machine),
    )


def check_environment(machine: Machine, *, with_pictures: bool = True) -> None:
    """Pass silently where robot_ops can run.

    Args:
        with_pictures: whether the embedded simulator's cameras are needed, too.

    Raises:
        SetupError: Something is missing or in the way; all that fails is told at once.
    """
    failed = [c for c in inspect_environment(machine) if not c.is_ok and (with_pictures or not c.is_for_pictures)]
    if not failed:
        return
    first, *others = failed
    also = "".join(f". Also, {check.found}: {check.mend}" for check in others)
    raise SetupError(first.found, where=first.name, mend=first.mend + also)


def require_environment(*, with_pictures: bool = True) -> None:
    """Check the machine of this process.

    Raises:
        SetupError: Something is missing or in the way.
    """
    check_environment(this_machine(), with_pictures=with_pictures)


def _check_python(machine: Machine) -> Check:
    version = ".".join(map(str, machine.python))
    is_ok = OLDEST_PYTHON <= machine.python <= NEWEST_PYTHON
    oldest, newest = (".".join(map(str, each)) for each in (OLDEST_PYTHON, NEWEST_PYTHON))
    return Check(
        name="Python",
        is_ok=is_ok,
        found=f"Python {version}" if is_ok else f"Python {version} is not one of {oldest} to {newest}",
        mend="" if is_ok else "Install such a Python and run `make clean setup PYTHON=/path/to/it`",
    )


def _sourced_ros(machine: Machine) -> Path | None:
    """Return the prefix of a ROS installation that the environment names and that is not this Python's own."""
    for entry in machine.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep):
        if entry and Path(entry) != machine.prefix and machine.has_rclpy(Path(entry)):
            return Path(entry)
    return None


def _check_one_ros(machine: Machine) -> Check:
    sourced = _sourced_ros(machine)
    if sourced and machine.has_ros_wheels:
        return Check(
            name="ROS 2",
            is_ok=False,
            found=f"{sourced} is sourced while this Python environment has ROS 2 from PyPI: their libraries do not mix",
            mend="Use a terminal that does not source it, or run `make clean setup` here to use that installation",
        )
    found = f"installation in {sourced}" if sourced else "wheels from PyPI" if machine.has_ros_wheels else "none found"
    return Check(name="ROS 2", is_ok=True, found=found)


def _check_rclpy(machine: Machine) -> Check:
    if machine.has_module("rclpy"):
        return Check(name="rclpy", is_ok=True, found="rclpy found")
    return Check(
        name="rclpy", is_ok=False, found="rclpy is missing", mend=f"{_MEND_SETUP}, or source a ROS 2 installation"
    )


def _check_interfaces(machine: Machine) -> Check:
    missing = [name for name in _INTERFACES if not machine.has_module(name)]
    if not missing:
        return Check(name="interfaces", is_ok=True, found=", ".join(_INTERFACES))
    # On a ROS installation the standard ones come with its packages and ours with the workspace.
    theirs = " ".join(f"ros-$ROS_DISTRO-{name.replace('_', '-')}" for name in missing if name != _INTERFACES[0])
    mend = f"{_MEND_SETUP} and source install/setup.bash" if _INTERFACES[0] in missing else ""
    if theirs:
        mend = f"{mend}; install" if mend else "Install"
        mend += f" {theirs}"
    return Check(
        name="interfaces",
        is_ok=False,
        found=f"{_listing(missing)} missing",
        mend=mend if _sourced_ros(machine) else f"{_MEND_SETUP}: it compiles them",
    )


def _check_python_packages(machine: Machine) -> Check:
    missing = [package for module, package in _PYTHON_PACKAGES.items() if not machine.has_module(module)]
    return Check(
        name="Python packages",
        is_ok=not missing,
        found=f"{_listing(missing)} missing" if missing else f"{len(_PYTHON_PACKAGES)} found",
        mend=_MEND_SETUP if missing else "",
    )


def _check_shared_data(machine: Machine) -> Check:
    try:
        folder = machine.shared_data()
    except SetupError as error:
        return Check(name="shared data", is_ok=False, found=error.what, mend=error.mend)
    return Check(name="shared data", is_ok=True, found=str(folder))


def _check_window_system(machine: Machine) -> Check:
    renderer = machine.environ.get("MUJOCO_GL", "egl").lower()
    is_ok = renderer not in ("glfw", "glx", "") or bool(machine.environ.get("DISPLAY"))
    return Check(
        name="renderer",
        is_ok=is_ok,
        found=f"MUJOCO_GL={renderer}" if is_ok else f"MUJOCO_GL={renderer} needs a window system, and there is none",
        mend="" if is_ok else "Set MUJOCO_GL=egl",
        is_for_pictures=True,
    )


def _check_gl(machine: Machine) -> Check:
    missing = [package for library, package in _GL_PACKAGES.items() if not machine.has_library(library)]
    return Check(
        name="OpenGL",
        is_ok=not missing,
        found="OpenGL libraries missing" if missing else ", ".join(_GL_PACKAGES),
        mend=f"Run `make setup` as root, or install {' '.join(missing)}" if missing else "",
        is_for_pictures=True,
    )


def _listing(names: list[str]) -> str:
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'}"


def _is_installed(distribution: str) -> bool:
    """Return whether this Python environment itself has a distribution: a sourced ROS adds folders of its own."""
    here = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    return any(importlib.metadata.distributions(name=distribution, path=here))


def _has_module(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def _has_library(soname: str) -> bool:
    try:
        ctypes.CDLL(soname)
    except OSError:
        return False
    return True


def _has_rclpy(prefix: Path) -> bool:
    return any(prefix.glob("lib/python3*/*-packages/rclpy")) or any(prefix.glob("local/lib/python3*/*-packages/rclpy"))
