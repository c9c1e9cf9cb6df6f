"""Backup files: what was written comes back, and whatever is wrong with a file is told with its line."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from robot_ops.core.errors import BackupError, LedgerError
from robot_ops.ledger.chain import GENESIS, ChainedEvent, Entry, Gap, link_digest
from robot_ops.ledger.history_file import Content, HistoryReader, write_history
from robot_ops.tasks.ledger import LedgerEvent
from robot_ops.testing.ledger_kit import sample_event

_values = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
_events = st.builds(
    LedgerEvent,
    event_id=st.text(min_size=1),
    kind=st.text(),
    subject=st.text(),
    stamp_ns=st.integers(0, 2**62),
    payload=st.dictionaries(st.text(), _values | st.text()),
)


def chained(events: list[LedgerEvent]) -> list[Entry]:
    digest, entries = GENESIS, list[Entry]()
    for seq, event in enumerate(events):
        digest = link_digest(digest, event)
        entries.append(ChainedEvent(seq=seq, event=event, digest=digest))
    return entries


def read(path: Path) -> list[Entry]:
    return list(HistoryReader(path).entries())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a backup of seven events, with a gap for the third to fifth."""
    entries = chained([sample_event(number) for number in range(7)])
    last = entries[4]
    entries[2:5] = [Gap(seq=2, last_seq=4, digest=last.digest, archive="old.gz")]
    path = tmp_path / "backup.json.gz"
    write_history(path, entries, Content.BACKUP)
    return path


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=st.lists(_events, max_size=8))
def test_what_was_written_comes_back(tmp_path: Path, events: list[LedgerEvent]) -> None:
    path = tmp_path / "backup.json.gz"
    path.unlink(missing_ok=True)
    entries = chained(events)
    end = write_history(path, entries, Content.BACKUP)
    assert read(path) == entries
    assert end.event_count == len(events)
    assert end.digest == (entries[-1].digest if entries else GENESIS)


def test_every_cut_is_found(file: Path, tmp_path: Path) -> None:
    whole = file.read_bytes()
    cut = tmp_path / "cut.gz"
    for length in range(len(whole)):
        cut.write_bytes(whole[:length])
        with pytest.raises(BackupError, match=r"cut\.gz:\d+: "):
            read(cut)


def test_every_changed_byte_is_found_or_harmless(file: Path, tmp_path: Path) -> None:
    whole, changed, entries = file.read_bytes(), tmp_path / "changed.gz", read(file)
    for place in range(len(whole)):
        changed.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        try:
            found = read(changed)
        except BackupError:
            continue
        assert found == entries  # a time in the header, or bits between the last ones and the sum of all


def lines_of(path: Path) -> list[bytes]:
    return gzip.decompress(path.read_bytes()).splitlines(keepends=True)


def test_every_changed_line_is_told_by_its_number(file: Path, tmp_path: Path) -> None:
    lines, changed = lines_of(file), tmp_path / "changed.gz"
    for number, line in enumerate(lines, start=1):
        for key, value in json.loads(line).items():
            other = {"x": 1} if isinstance(value, dict) else 77 if isinstance(value, int) else f"{value}x"
            record = {**json.loads(line), key: other}
            changed.write_bytes(
                gzip.compress(b"".join([*lines[: number - 1], json.dumps(record).encode() + b"\n", *lines[number:]]))
            )
            with pytest.raises(BackupError) as caught:
                read(changed)
            # the name of an archive is not part of the chain: the digest in the last line finds it
            told = len(lines) if key == "archive" else number
            assert caught.value.where in (f"{changed}:{told}", f"{changed}:{told + 1}")


def test_lines_that_are_missing_doubled_or_too_many(file: Path, tmp_path: Path) -> None:
    lines, changed = lines_of(file), tmp_path / "changed.gz"
    cases = [lines[:number] + lines[number + 1 :] for number in range(len(lines))]
    cases += [lines[:number] + lines[number - 1 :] for number in range(1, len(lines) + 1)]
    cases += [[*lines, b"x"], [*lines[:2], b"nonsense\n", *lines[2:]], [*lines[:2], b"[]\n"], [*lines[:2], b"{}\n"]]
    for case in cases:
        changed.write_bytes(gzip.compress(b"".join(case)))
        with pytest.raises(BackupError, match=r"changed\.gz:\d+: "):
            read(changed)


def test_files_of_another_kind(tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    for text, match in (
        (b"", "no line of JSON"),
        (b'{"format": "tar"}\n', "no backup or archive"),
        (b'{"format": "robot_ops ledger", "version": 2}\n', "version 2 is not known"),
        (b'{"format": "robot_ops ledger", "version": 1, "content": "diary"}\n', "'diary' is not known"),
    ):
        path.write_bytes(gzip.compress(text))
        with pytest.raises(BackupError, match=match):
            HistoryReader(path)
    with pytest.raises(BackupError, match="cannot be read"):
        HistoryReader(tmp_path / "missing.gz")


def test_nothing_is_written_over_and_nothing_half_is_left(file: Path, tmp_path: Path) -> None:
    before = file.read_bytes()
    with pytest.raises(BackupError, match="is there already"):
        write_history(file, [], Content.BACKUP)
    assert file.read_bytes() == before

    def failing() -> Iterator[Entry]:
        yield from chained([sample_event(0)])
        raise LedgerError("the database went away")

    with pytest.raises(LedgerError, match="went away"):
        write_history(tmp_path / "half.gz", failing(), Content.BACKUP)
    broken = chained([sample_event(0), sample_event(1)])[::-1]
    with pytest.raises(LedgerError, match="event 0 is missing"):
        write_history(tmp_path / "half.gz", broken, Content.BACKUP)
    with pytest.raises(BackupError, match="its folder is missing"):
        write_history(tmp_path / "no" / "half.gz", [], Content.BACKUP)
    assert sorted(path.name for path in tmp_path.iterdir()) == [file.name]


def test_only_its_owner_may_read_it(file: Path) -> None:
    assert file.stat().st_mode & 0o077 == 0
