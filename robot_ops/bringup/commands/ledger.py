"""`robot-ops ledger`: back up, restore, verify, read and archive what the fleet has on disk."""

import argparse
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from robot_ops.bringup.output import add_json, say, show_json, show_table
from robot_ops.core.clock import NS_PER_S, SystemClock
from robot_ops.core.errors import ParameterError
from robot_ops.core.ids import RobotId

_DAYS = re.compile(r"(\d{1,5})d")
_PLACE = "SQLite file or postgresql:// URL; the fleet's own is ledger.sqlite in its folder"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    backup = actions.add_parser("backup", help="write all of it into a file; the fleet may run meanwhile")
    restore = actions.add_parser("restore", help="fill an empty database with a backup")
    verify = actions.add_parser("verify", help="check every event; exit 1 when something was changed or is missing")
    show = actions.add_parser("show", help="print events")
    info = actions.add_parser("info", help="tell what it holds, without checking what it means")
    archive = actions.add_parser("archive", help="move tasks that ended long ago to a file; the fleet must be stopped")
    custody = actions.add_parser("custody", help="make a robot's custody log anew, from the fleet's copy of its chain")
    backup.add_argument(
        "file", type=Path, metavar="FILE", help="new file; with suffix .sqlite a copy to run a fleet on"
    )
    restore.add_argument("file", type=Path, metavar="FILE", help="backup, or a SQLite ledger that moves to PostgreSQL")
    verify.add_argument(
        "--archive", type=Path, action="append", default=[], metavar="FILE", help="check with it; may be repeated"
    )
    show.add_argument("--task", default=None, metavar="ID", help="only events about this task")
    custody.add_argument("robot", metavar="ROBOT", help="whose chain of custody")
    custody.add_argument("--to", type=Path, required=True, metavar="FILE", help="new file, as courier_1.custody.sqlite")
    custody.add_argument(
        "--archive", type=Path, action="append", default=[], metavar="FILE", help="has a part of it; may be repeated"
    )
    archive.add_argument(
        "--before", required=True, metavar="DATE", help="2026-11-22, 2026-11-22T18:00 (local time), or 90d: days ago"
    )
    archive.add_argument("--to", type=Path, required=True, metavar="FILE", help="new archive file, as 2026.json.gz")
    for action in (backup, restore, verify, show, info, archive, custody):
        is_any = action in (verify, show, info, custody)
        action.add_argument(
            "--ledger", required=True, metavar="PLACE", help=f"{_PLACE}{'; or a backup or archive' if is_any else ''}"
        )
        add_json(action)


def run(arguments: argparse.Namespace) -> int:
    """Do what the arguments ask."""
    match arguments.action:
        case "backup":
            _back_up(arguments)
        case "restore":
            _restore(arguments)
        case "verify":
            _verify(arguments)
        case "show":
            _show(arguments)
        case "info":
            _info(arguments)
        case "custody":
            _copy_custody(arguments)
        case _:
            _archive(arguments)
    return 0


def _back_up(arguments: argparse.Namespace) -> None:
    from robot_ops.ledger.backup import back_up

    count, digest = back_up(arguments.ledger, arguments.file)
    if arguments.json:
        show_json({"file": str(arguments.file), "events": count, "digest": digest})
    else:
        say(f"wrote {arguments.file}: {count} events, digest {digest}")


def _restore(arguments: argparse.Namespace) -> None:
    from robot_ops.ledger.backup import restore
    from robot_ops.ledger.places import place_url, shown

    count, digest = restore(arguments.file, arguments.ledger)
    place = shown(place_url(arguments.ledger))
    if arguments.json:
        show_json({"ledger": place, "events": count, "digest": digest})
    else:
        say(f"restored {count} events to {place}, digest {digest}")


def _verify(arguments: argparse.Namespace) -> None:
    from robot_ops.ledger.verification import verify

    found = verify(arguments.ledger, arguments.archive)
    if arguments.json:
        show_json(
            {
                "ledger": found.place,
                "events": found.event_count,
                "digest": found.digest,
                "tasks": found.task_count,
                "open_tasks": found.open_count,
                "archived_events": found.archived,
                "archives_not_given": list(found.missing),
            }
        )
        return
    say(f"{found.place} holds together: {found.event_count} events, digest {found.digest}")
    for name, count in found.archived.items():
        if name:
            state = "not given, not checked" if name in found.missing else "checked"
            say(f"{count} events more are in the archive {name} ({state})")


def _show(arguments: argparse.Namespace) -> None:
    from robot_ops.ledger.reading import opened_history

    with opened_history(arguments.ledger) as history:
        records = _records(history.entries(), arguments.task)
        if arguments.json:
            found = list(records)
            show_json(found)
        else:
            found = [record for record in records if _say_record(record)]
    if arguments.task is not None and not found:
        raise ParameterError(f"has no event about {arguments.task}", where=arguments.ledger, mend="look into archives")


def _records(entries: Iterator[Any], task: str | None) -> Iterator[dict[str, Any]]:
    """Yield events, and gaps where all are asked for, as they are shown."""
    from robot_ops.ledger.chain import Gap

    for entry in entries:
        if isinstance(entry, Gap):
            if task is None:
                yield {"seq": entry.seq, "last_seq": entry.last_seq, "archive": entry.archive or None}
            continue
        event = entry.event
        if task in (None, event.subject):
            yield {
                "seq": entry.seq,
                "stamp_ns": event.stamp_ns,
                "event_id": event.event_id,
                "kind": event.kind,
                "subject": event.subject,
                "payload": dict(event.payload),
            }


def _say_record(record: Mapping[str, Any]) -> bool:
    if "last_seq" in record:
        say(f"{record['seq']:>8}  to {record['last_seq']}: {record['archive'] or 'not in this file'}")
        return True
    values = " ".join(f"{key}={value}" for key, value in record["payload"].items() if value not in (None, ""))
    say(f"{record['seq']:>8}  {_instant(record['stamp_ns'])}  {record['subject']}  {record['kind']}  {values}")
    return True


def _copy_custody(arguments: argparse.Namespace) -> None:
    from robot_ops.ledger.custody_copy import copy_custody

    head = copy_custody(arguments.ledger, RobotId(arguments.robot), arguments.to, arguments.archive)
    if arguments.json:
        show_json({"robot": arguments.robot, "file": str(arguments.to), "events": head.count, "digest": head.digest})
    else:
        say(f"wrote {arguments.to}: {head.count} custody events of {arguments.robot}, digest {head.digest}")


def _info(arguments: argparse.Namespace) -> None:
    from robot_ops.ledger.summary import summarized

    found = summarized(arguments.ledger)
    if arguments.json:
        show_json(
            {
                "ledger": found.place,
                "form": found.form,
                "schema_version": found.version,
                "events": found.event_count,
                "archived_events": found.archived_count,
                "first_stamp_ns": found.first_ns,
                "last_stamp_ns": found.last_ns,
                "digest": found.digest,
                "kinds": found.kinds,
            }
        )
        return
    rows: list[tuple[str, object]] = [
        ("form", found.form if found.version is None else f"{found.form}, schema version {found.version}"),
        ("events", found.event_count),
        ("archived events", found.archived_count),
        ("first", "-" if found.first_ns is None else _instant(found.first_ns)),
        ("last", "-" if found.last_ns is None else _instant(found.last_ns)),
        ("digest", found.digest),
        *found.kinds.items(),
    ]
    show_table(found.place, ["", ""], rows)


def _archive(arguments: argparse.Namespace) -> None:
    now_ns = SystemClock().now_ns()
    before_ns = before_instant(arguments.before, now_ns)
    from robot_ops.ledger.archive import archive
    from robot_ops.ledger.places import file_of, place_url
    from robot_ops.ledger.sql_ledger import SqlLedger

    url = place_url(arguments.ledger)
    path = file_of(url)
    if path is not None and not path.is_file():
        raise ParameterError("is no file", where=arguments.ledger, mend="name the ledger's file")
    with SqlLedger(url) as ledger:
        done = archive(ledger, before_ns=before_ns, file=arguments.to, now_ns=now_ns)
    if arguments.json:
        file = str(arguments.to) if done.event_count else None
        show_json({"file": file, "events": done.event_count, "tasks": done.task_count})
    elif done.event_count:
        say(f"moved {done.event_count} events, {done.task_count} tasks, to {arguments.to}")
    else:
        say(f"nothing had ended before {_instant(before_ns)}: no file was written")


def before_instant(text: str, now_ns: int) -> int:
    """Return the instant that a date, a date with time, or a number of days ago names, in nanoseconds.

    Raises:
        ParameterError: it is none of these, or not in the past.
    """
    now = datetime.fromtimestamp(now_ns // NS_PER_S, UTC)
    days = _DAYS.fullmatch(text)
    try:
        instant = now - timedelta(days=int(days[1])) if days else datetime.fromisoformat(text).astimezone()
        before_ns = int(instant.timestamp()) * NS_PER_S
    except (ValueError, OverflowError) as error:
        raise ParameterError(
            f"{text!r} is no date", where="argument --before", mend="Give a date, as 2026-11-22, or days, as 90d"
        ) from error
    if before_ns > now_ns:
        raise ParameterError(f"{text} is not in the past", where="argument --before", mend="Give an earlier date")
    return before_ns


def _instant(stamp_ns: int) -> str:
    return datetime.fromtimestamp(stamp_ns // NS_PER_S, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
