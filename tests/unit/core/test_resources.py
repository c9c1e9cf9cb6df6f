from pathlib import Path

import pytest

from robot_ops.core.errors import SetupError
from robot_ops.core.resources import shared_folder


def package_in(folder: Path) -> Path:
    file = folder / "robot_ops" / "core" / "resources.py"
    file.parent.mkdir(parents=True)
    file.touch()
    return file


def test_this_checkout_has_its_sites() -> None:
    assert (shared_folder("sites").parent / "package.xml").is_file()


@pytest.mark.parametrize("packages", ["lib/python3.11/site-packages", "local/lib/python3.12/dist-packages"])
def test_an_installation_has_them_in_share(tmp_path: Path, packages: str) -> None:
    (tmp_path / "share/robot_ops/sites").mkdir(parents=True)

    assert shared_folder("sites", origin=package_in(tmp_path / packages)) == tmp_path / "share/robot_ops/sites"


def test_a_checkout_named_like_the_package(tmp_path: Path) -> None:
    checkout = tmp_path / "robot_ops"
    (checkout / "sim").mkdir(parents=True)
    (checkout / "package.xml").touch()

    assert shared_folder("sim", origin=package_in(checkout)) == checkout / "sim"


def test_a_linked_package_leads_to_its_checkout(tmp_path: Path) -> None:
    file = package_in(tmp_path / "src")
    (tmp_path / "src/package.xml").touch()
    (tmp_path / "src/behaviors").mkdir()
    (tmp_path / "build").mkdir()
    (tmp_path / "build/robot_ops").symlink_to(file.parents[1])

    origin = tmp_path / "build/robot_ops/core/resources.py"
    assert shared_folder("behaviors", origin=origin) == tmp_path / "src/behaviors"


def test_an_incomplete_installation_is_told(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"launch/ is missing.*Install robot_ops again"):
        shared_folder("launch", origin=package_in(tmp_path / "lib/python3.11/site-packages"))
