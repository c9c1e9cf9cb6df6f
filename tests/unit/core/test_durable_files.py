import os
from pathlib import Path

import pytest

from robot_ops.core.durable_files import put_in_place, replace_file, write_draft
from robot_ops.dispatch.secret import read_secret
from robot_ops.ledger.holdings_file import HoldingsFile
from robot_ops.ros_nodes.stop_latch import StopLatch


def watched_disk(monkeypatch) -> list[str]:
    """Return a list that grows by what is brought to disk, and by every new name."""
    seen: list[str] = []
    fsync, replace, link = os.fsync, Path.replace, os.link

    def note_fsync(handle: int) -> None:
        seen.append(f"sync {Path(os.readlink(f'/proc/self/fd/{handle}')).name}")
        fsync(handle)

    def note_replace(draft: Path, target: Path) -> Path:
        seen.append(f"name {target.name}")
        return replace(draft, target)

    def note_link(draft: Path, target: Path) -> None:
        seen.append(f"name {target.name}")
        link(draft, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(Path, "replace", note_replace)
    monkeypatch.setattr(os, "link", note_link)
    return seen


@pytest.mark.parametrize(
    "write",
    [
        lambda path: replace_file(path, b"new"),
        lambda path: HoldingsFile(path).save([]),
        lambda path: StopLatch(path).save(("operator",)),
        read_secret,
    ],
)
def test_the_content_is_on_disk_before_the_name_and_the_name_before_the_return(tmp_path, monkeypatch, write):
    seen = watched_disk(monkeypatch)
    write(tmp_path / "file")
    name = seen.index("name file")
    assert any(entry.startswith("sync file.") for entry in seen[:name])
    assert seen[name + 1 :] == [f"sync {tmp_path.name}"]
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_released_stop_stays_released(tmp_path, monkeypatch):
    latch = StopLatch(tmp_path / "stop")
    latch.save(("operator",))
    seen = watched_disk(monkeypatch)
    latch.save(())
    assert seen == [f"sync {tmp_path.name}"]
    latch.save(())
    assert len(seen) == 1


def test_a_disk_that_fails_leaves_the_former_file(tmp_path, monkeypatch):
    path = tmp_path / "file"
    replace_file(path, b"old")

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        replace_file(path, b"new")
    assert path.read_bytes() == b"old"


def test_a_draft_may_be_for_its_owner_only(tmp_path):
    draft = tmp_path / "draft"
    write_draft(draft, b"x", mode=0o600)
    put_in_place(draft, tmp_path / "file")
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600
