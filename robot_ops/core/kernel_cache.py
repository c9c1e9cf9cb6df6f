"""Where compiled kernels are kept on disk."""

import hashlib
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Final

_PACKAGE: Final = Path(__file__).resolve().parent.parent


def cache_folder() -> Path:
    """Return the folder: in the user's cache, another one for each state of all kernels' sources.

    Numba renews a function's code when its own file changes (or is only written again), not when that of a function it
    calls does; so a change in any kernel makes a new folder.
    """
    digest = hashlib.sha256(f"{version('numba')} {platform.python_version()} {_PACKAGE}".encode())
    for file in sorted(_PACKAGE.rglob("*.py")):
        text = file.read_bytes()
        if "kernels" in file.relative_to(_PACKAGE).parts or b"core.compiler import" in text:
            digest.update(text + str(file.stat().st_mtime_ns).encode())
    root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "robot_ops" / "kernels" / digest.hexdigest()[:16]


if __name__ == "__main__":
    sys.stdout.write(f"{cache_folder()}\n")
