"""The fleet's secret: what one-time codes are derived from."""

import os
import secrets
from pathlib import Path
from typing import Final

from robot_ops.core.durable_files import sync_folder, write_draft
from robot_ops.core.errors import SetupError

_LENGTH: Final = 32


def read_secret(path: Path) -> bytes:
    """Return the secret in the file; the first time, make the file, readable by its owner only.

    Raises:
        SetupError: the file cannot be read or made, is empty, or others may read it.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return _make(path)
    except OSError as error:
        raise SetupError(f"cannot be read: {error.strerror}", where=str(path)) from error
    with os.fdopen(handle, "rb") as file:
        if os.fstat(file.fileno()).st_mode & 0o077:
            raise SetupError("others may read the secret", where=str(path), mend=f"run chmod 600 {path}")
        secret = file.read()
    if len(secret) < _LENGTH:
        raise SetupError("holds no secret", where=str(path), mend="delete it; codes told before become void")
    return secret


def _make(path: Path) -> bytes:
    """Write a new secret; it appears whole or not at all, also when two processes try at once."""
    secret = secrets.token_bytes(_LENGTH)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        write_draft(draft, secret, mode=0o600)
        try:
            os.link(draft, path)
            sync_folder(path.parent)
        except FileExistsError:
            return read_secret(path)
        finally:
            os.unlink(draft)
    except OSError as error:
        raise SetupError(
            f"cannot be made: {error.strerror}", where=str(path), mend="make its folder writable"
        ) from error
    return secret
