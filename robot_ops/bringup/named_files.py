"""Files that people give by a path, or by the name of one that comes with robot_ops."""

from pathlib import Path

from robot_ops.core.errors import ParameterError
from robot_ops.core.resources import shared_folder


def find_file(name: str, folder: str, *, what: str, argument: str) -> Path:
    """Return the YAML file with this path, or the one of this name in a folder of `sim/`.

    Args:
        what: it is, for people; argument: that names it.

    Raises:
        ParameterError: there is neither.
    """
    path, shared = Path(name), shared_folder("sim") / folder
    if path.is_file():
        return path
    known = shared / f"{name}.yaml"
    if not known.exists():
        names = ", ".join(sorted(file.stem for file in shared.glob("*.yaml")))
        mend = f"Name a file, or one of {names}"
        raise ParameterError(f"there is no {what} {name!r}", where=f"argument {argument}", mend=mend)
    return known
