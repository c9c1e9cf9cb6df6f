"""Finds the data that lies beside the code: behaviors/, launch/, sim/ and sites/."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from robot_ops.core.errors import SetupError

_PACKAGE: Final = "robot_ops"

SharedFolder = Literal["behaviors", "launch", "sim", "sites"]


def shared_folder(name: SharedFolder, *, origin: Path = Path(__file__)) -> Path:
    """Return a folder of shared data of the source checkout, pip or ament installation that `origin` belongs to.

    In a checkout the folders stand beside robot_ops/. An installation has them in share/robot_ops/ of the prefix
    below which its packages lie (`<prefix>/lib/python3.x/site-packages` and the like), for pip and for ament.

    Args:
        origin: a file inside the package robot_ops.

    Raises:
        SetupError: If there is no such folder: the installation is incomplete.
    """
    package = next(folder for folder in origin.resolve().parents if folder.name == _PACKAGE)
    checkout = package.parent
    if (checkout / "package.xml").is_file() and (checkout / name).is_dir():
        return checkout / name
    for prefix in checkout.parents:
        folder = prefix / "share" / _PACKAGE / name
        if folder.is_dir():
            return folder
    raise SetupError(
        f"the shared data folder {name}/ is missing",
        where=str(package),
        mend="Install robot_ops again, or run it from a checkout of its sources",
    )
