"""Packaging that setup.cfg cannot say, foremost the shared data folders as ament and pip both install them."""

from pathlib import Path

from setuptools import setup

PACKAGE = "robot_ops"
SHARED = ("behaviors", "launch", "sim", "sites")
HERE = Path(__file__).parent


def shared_files() -> list[tuple[str, list[str]]]:
    """Returns (folder of the installation, files) for the ament index and for all of `SHARED`."""
    entries = [
        ("share/ament_index/resource_index/packages", [f"resource/{PACKAGE}"]),
        (f"share/{PACKAGE}", ["package.xml"]),
    ]
    for name in SHARED:
        by_folder: dict[Path, list[str]] = {}
        for file in sorted(path.relative_to(HERE) for path in (HERE / name).rglob("*") if path.is_file()):
            if "__pycache__" not in file.parts:
                by_folder.setdefault(file.parent, []).append(file.as_posix())
        entries += [(f"share/{PACKAGE}/{folder.as_posix()}", files) for folder, files in by_folder.items()]
    return entries


# colcon reads the settings as Python literals, which the version range is only when it comes from here.
setup(data_files=shared_files(), python_requires=">=3.11,<3.14")
