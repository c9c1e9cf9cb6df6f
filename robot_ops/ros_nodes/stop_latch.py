"""A latched stop on disk, so that a restarted safety node comes up stopped."""

import json
from pathlib import Path

from robot_ops.core.durable_files import replace_file, sync_folder


class StopLatch:
    """The names of those who hold a robot's stop, in one small file; no file means released.

    Args:
        path: the file; its folder is made when it is first needed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def path(self) -> Path:
        """Return where the file is."""
        return self._path

    def load(self) -> tuple[str, ...]:
        """Return who holds the stop. A file that cannot be understood holds it, too: nobody knows who released it."""
        try:
            names = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return ()
        except (OSError, ValueError):
            return (f"an unreadable file {self._path.name}",)
        if not isinstance(names, list) or not names:
            return (f"an unreadable file {self._path.name}",)
        return tuple(str(name) for name in names)

    def save(self, stopped_by: tuple[str, ...]) -> None:
        """Keep who holds the stop; nobody removes the file. It is on disk when this returns.

        Raises:
            OSError: it could not be written; the file is as it was.
        """
        if stopped_by:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self._path, json.dumps(list(stopped_by)).encode())
        elif self._path.exists():
            self._path.unlink()
            sync_folder(self._path.parent)
