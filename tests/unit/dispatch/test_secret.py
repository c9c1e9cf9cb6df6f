"""The secret file: made once, private, never half there."""

from pathlib import Path

import pytest

from robot_ops.core.errors import SetupError
from robot_ops.dispatch.secret import read_secret


def test_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    secret = read_secret(path)
    assert len(secret) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_secret(path) == secret
    assert [file.name for file in tmp_path.iterdir()] == ["secret"]


def test_a_secret_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    read_secret(path)
    path.chmod(0o644)
    with pytest.raises(SetupError, match="chmod 600"):
        read_secret(path)


def test_an_empty_file_or_a_missing_folder_is_told(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.touch(mode=0o600)
    with pytest.raises(SetupError, match="holds no secret"):
        read_secret(path)
    with pytest.raises(SetupError, match="cannot be made"):
        read_secret(tmp_path / "no" / "secret")
