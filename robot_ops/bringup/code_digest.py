"""Which code ran: a digest over all that decides what a simulation does."""

import hashlib
from pathlib import Path
from typing import Final

import robot_ops
from robot_ops.core.resources import shared_folder

_LENGTH: Final = 12


def code_digest() -> str:
    """Return the beginning of a SHA-256, hex, over the package's sources and the behavior trees."""
    digest = hashlib.sha256()
    package, trees = Path(robot_ops.__file__).parent, shared_folder("behaviors")
    for folder, pattern in ((package, "**/*.py"), (trees, "*.xml")):
        for file in sorted(folder.glob(pattern)):
            digest.update(f"{file.relative_to(folder)}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()[:_LENGTH]
