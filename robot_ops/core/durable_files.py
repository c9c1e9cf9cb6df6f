"""Files that are there whole, and outlive a power loss, or are as they were before."""

import os
from pathlib import Path


def replace_file(path: Path, content: bytes) -> None:
    """Write a file in place of the one that may be there; it is on disk when this returns.

    Raises:
        OSError: it could not be written. The former file is there then, or the new one where only the folder's own
            write failed.
    """
    draft = path.with_name(f"{path.name}.new")
    write_draft(draft, content)
    put_in_place(draft, path)


def write_draft(draft: Path, content: bytes, *, mode: int = 0o666) -> None:
    """Write a file and wait until its content is on disk; its name need not be.

    Args:
        mode: who may do what with a file that is new, less what the process's mask takes away.

    Raises:
        OSError: it could not be written; part of it may be there.
    """
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def put_in_place(draft: Path, target: Path) -> None:
    """Rename a finished draft so that it outlives a power loss under its new name; an existing file is replaced.

    Raises:
        OSError: it could not be done.
    """
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(target)
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Wait until what was added to a folder or taken out of it is on disk.

    Raises:
        OSError: it could not be done.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
