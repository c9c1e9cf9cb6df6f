"""Files by path or by name."""

from pathlib import Path

import pytest

from robot_ops.bringup.named_files import find_file
from robot_ops.core.errors import ParameterError


def test_a_folder_of_the_same_name_is_not_taken_for_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "quiet").mkdir()
    found = find_file("quiet", "scenarios", what="scenario", argument="--scenario")
    assert found.name == "quiet.yaml"
    with pytest.raises(ParameterError, match="there is no scenario"):
        find_file(str(tmp_path), "scenarios", what="scenario", argument="--scenario")
    own = tmp_path / "own.yaml"
    own.write_text("format: 1")
    assert find_file("own.yaml", "scenarios", what="scenario", argument="--scenario") == Path("own.yaml")
