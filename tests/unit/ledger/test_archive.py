"""Archiving: what stays is enough to go on, what leaves is gone and can be checked."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_ops.core.clock import to_ns
from robot_ops.core.errors import BackupError, RequestError
from robot_ops.core.ids import MissionId, PersonId, PlaceId, RobotId, TaskId
from robot_ops.ledger.archive import archive
from robot_ops.ledger.chain import ChainedEvent
from robot_ops.ledger.history_file import HistoryReader
from robot_ops.ledger.places import sqlite_url
from robot_ops.ledger.retention import select_old
from robot_ops.ledger.sql_ledger import SqlLedger
from robot_ops.ledger.verification import verify
from robot_ops.tasks.book import TaskBook, replayed
from robot_ops.tasks.custody import CustodyEvent, CustodyKind, link
from robot_ops.tasks.events import EventKind, custody_payload, request_payload
from robot_ops.tasks.ledger import LedgerEvent, Payload
from robot_ops.tasks.orders import MissionKind
from robot_ops.tasks.requests import DeliveryRequest
from robot_ops.tasks.status import TaskStatus
from robot_ops.tasks.traffic_rules import TrafficRules, rules_payload
from robot_ops.testing.fleet_stand import FleetStand

ROBOTS = (RobotId("courier_1"), RobotId("courier_2"))
_file_numbers = itertools.count()


class Past:
    """Makes histories: what a fleet of two might write, one step per second."""

    def __init__(self) -> None:
        self.book = TaskBook()
        self.events: list[LedgerEvent] = []
        self.now_ns = 0
        self.chains: dict[RobotId, CustodyEvent] = {}

    def write(self, kind: EventKind, subject: str, payload: Payload) -> None:
        event_id = self.book.next_event_id(subject)
        event = LedgerEvent(event_id=event_id, kind=kind.value, subject=subject, stamp_ns=self.now_ns, payload=payload)
        self.book.apply(event)
        self.events.append(event)

    def step(self, choice: int) -> None:
        """Do one of what can be done now."""
        self.now_ns += to_ns(1.0)
        robot = ROBOTS[choice // 8 % 2]
        mission = self.book.mission_of(robot)
        queued = [task for task in self.book.open_records() if task.status is TaskStatus.QUEUED]
        match choice % 8:
            case 0 | 1:
                self.accept()
            case 2 | 3 if mission is None and queued:
                self.order(robot, queued[choice % len(queued)].task_id)
            case 2 if mission is None:
                self.order(robot, None)
            case 4 | 5 if mission is not None:
                self.end(robot, TaskStatus.COMPLETED if choice % 8 == 4 else TaskStatus.FAILED)
            case 6 if queued:
                self.write(EventKind.STATUS, queued[0].task_id, {"status": "canceled", "reason": "no"})
            case 6:
                limits = {"hall": 0.1 + choice / 100}
                self.write(EventKind.TRAFFIC_RULES, "traffic", rules_payload(TrafficRules(speed_limits=limits)))
            case 7:
                self.record(robot, None if mission is None else mission.task_id)
            case _:
                pass

    def accept(self) -> None:
        number = len(self.book.tasks) + len(self.book.archived.tasks)
        request = DeliveryRequest(
            request_id=f"request {number}",
            pickup=PlaceId("a"),
            destination=PlaceId("b"),
            sender=PersonId(f"sender_{number}"),
            recipient=PersonId("ben"),
            document=f"passport of {number}",
        )
        task_id = self.book.next_task_id(request.kind)
        self.write(EventKind.ACCEPTED, task_id, {**request_payload(request), "promised_ns": self.now_ns})

    def order(self, robot: RobotId, task_id: TaskId | None) -> None:
        payload = {"robot": robot, "destination": "b", "reason": "near"}
        if task_id is None:
            mission = self.book.next_chore_id(robot, MissionKind.PARK)
            chore = {**payload, "mission_id": mission, "mission_kind": "park"}
            self.write(EventKind.CHORE_ORDERED, robot, chore)
            return
        mission_id = MissionId(f"{task_id}.1")
        task = {**payload, "mission_id": mission_id, "mission_kind": "deliver_document", "compartment": "c1"}
        self.write(EventKind.ASSIGNED, task_id, task)
        self.write(EventKind.STATUS, task_id, {"status": "underway", "reason": ""})

    def end(self, robot: RobotId, status: TaskStatus) -> None:
        mission = self.book.mission_of(robot)
        assert mission is not None
        if mission.task_id is None:
            self.write(EventKind.CHORE_ENDED, robot, {"mission_id": mission.mission_id, "is_void": False})
        else:
            self.write(EventKind.STATUS, mission.task_id, {"status": status.value, "reason": "", "is_void": False})

    def record(self, robot: RobotId, task_id: TaskId | None) -> None:
        event = link(
            self.chains.get(robot),
            robot=robot,
            kind=CustodyKind.REFUSED,
            task_id=task_id or TaskId(""),
            person=PersonId("ada"),
            compartment="c1",
            stamp_ns=self.now_ns,
        )
        self.chains[robot] = event
        self.write(EventKind.CUSTODY, task_id or robot, custody_payload(event))


def known(book: TaskBook, subjects: set[str]) -> dict[str, object]:
    """Return what a dispatcher goes by."""
    return {
        "tasks": book.tasks,
        "open": list(book.open_tasks),
        "ended": book.ended_tasks,
        "custody": {robot: chain for robot, chain in book.custody.items() if chain},
        "rules": book.traffic_rules,
        "archived": book.archived,
        "missions": {key: mission for key, mission in book.missions.items() if mission.task_id or mission.is_open},
        "orders": [book.mission_of(robot) for robot in ROBOTS],
        "ids": {subject: book.next_event_id(subject) for subject in subjects},
    }


choices = st.lists(st.integers(0, 999), min_size=1, max_size=80)


@settings(max_examples=25, deadline=None)
@given(steps=st.lists(choices, min_size=1, max_size=3), ages=st.lists(st.integers(0, 90), min_size=3, max_size=3))
def test_the_fleet_goes_on_as_if_nothing_had_left(
    tmp_path_factory: pytest.TempPathFactory, steps: list[list[int]], ages: list[int]
) -> None:
    """Several times some work is done and what is older than a number of seconds archived."""
    folder = tmp_path_factory.getbasetemp() / f"archives_{next(_file_numbers)}"
    folder.mkdir()
    past, path, files = Past(), folder / "ledger.sqlite", list[Path]()
    with SqlLedger(sqlite_url(path)) as ledger:
        for number, some in enumerate(steps):
            for choice in some:
                past.step(choice)
            ledger.append(*past.events)
            past.events.clear()
            before_ns, file = past.now_ns - to_ns(float(ages[number])), folder / f"{number}.gz"
            entries_before = {entry.seq: entry for entry in ledger.entries()}
            chosen = select_old(ledger.entries(), before_ns)
            done = archive(ledger, before_ns=before_ns, file=file, now_ns=past.now_ns)
            assert done.event_count == len(chosen.seqs)
            if not done.event_count:
                assert not file.exists()
                continue
            files.append(file)
            # what left and what stayed are all that there was
            left = {entry.seq: entry for entry in HistoryReader(file).entries() if isinstance(entry, ChainedEvent)}
            stayed = {entry.seq: entry for entry in ledger.entries() if isinstance(entry, ChainedEvent)}
            assert all(entry.event.stamp_ns < before_ns for entry in left.values())
            events_before = {seq: entry for seq, entry in entries_before.items() if isinstance(entry, ChainedEvent)}
            notes = {seq: entry for seq, entry in stayed.items() if seq not in events_before}
            assert left.keys().isdisjoint(stayed)
            assert left | stayed == events_before | notes
            # a fleet that lived through it knows the same as one that reads it
            for _, entry in sorted(notes.items()):
                past.book.apply(entry.event)
            subjects = {entry.event.subject for entry in (left | stayed).values()}
            assert known(replayed(ledger.events()), subjects) == known(past.book, subjects)
        digest = ledger.digest()
    found = verify(str(path), files)
    assert (found.digest, found.missing) == (digest, ())
    assert sum(found.archived.values()) + found.event_count == len(entries_of(path, files))
    for task_id in past.book.archived.tasks:
        with pytest.raises(RequestError, match="is archived"):
            past.book.task_of_request(f"request {int(task_id.rpartition('-')[2]) - 1}")


def entries_of(path: Path, files: list[Path]) -> set[int]:
    """Return the numbers of all events, wherever they are."""
    seqs = {entry.seq for file in files for entry in HistoryReader(file).entries() if isinstance(entry, ChainedEvent)}
    with SqlLedger(sqlite_url(path)) as ledger:
        return seqs | {entry.seq for entry in ledger.entries() if isinstance(entry, ChainedEvent)}


def stand_with_past(ledger: SqlLedger, *, document: str = "passport of Grace") -> FleetStand:
    """Return a stand whose first two tasks are done, and the third is open."""
    stand = FleetStand(ledger=ledger)
    stand.guide("request of yesterday")
    stand.deliver("delivery of yesterday", document=document)
    stand.run(400)
    assert {task.status for task in stand.fleet.tasks(with_finished=True)} == {TaskStatus.COMPLETED}
    stand.guide("request of today")
    stand.run(2)
    return stand


def test_a_dispatcher_goes_on_after_an_archive(tmp_path: Path) -> None:
    with SqlLedger(sqlite_url(tmp_path / "ledger.sqlite")) as ledger:
        stand = stand_with_past(ledger)
        now_ns = stand.clock.now_ns()
        archive(ledger, before_ns=now_ns - to_ns(60.0), file=tmp_path / "old.gz", now_ns=now_ns)
        stand.restart_fleet()
        with pytest.raises(RequestError, match="'request of yesterday' was used for guide-000001") as caught:
            stand.guide("request of yesterday")
        assert caught.value.where == "request_id"
        assert stand.guide("request of today").task_id == "guide-000003"
        assert stand.guide("another").task_id == "guide-000004"
        stand.run(600)
        ended = {task.task_id: task.status for task in stand.fleet.tasks(with_finished=True)}
        assert ended == {"guide-000003": TaskStatus.COMPLETED, "guide-000004": TaskStatus.COMPLETED}
        ids = [event.event_id for event in ledger.events()]
        assert len(ids) == len(set(ids))
    assert verify(str(tmp_path / "ledger.sqlite"), [tmp_path / "old.gz"]).missing == ()


def linked(before: CustodyEvent | None, task_id: TaskId, *, stamp_ns: int) -> CustodyEvent:
    """Return the next event of a robot's chain of custody."""
    return link(
        before,
        robot=ROBOTS[0],
        kind=CustodyKind.REFUSED,
        task_id=task_id,
        person=PersonId("ada"),
        compartment="c1",
        stamp_ns=stamp_ns,
    )


def test_robots_may_repeat_custody_events_that_are_archived(tmp_path: Path) -> None:
    with SqlLedger(sqlite_url(tmp_path / "ledger.sqlite")) as ledger:
        stand = FleetStand(ledger=ledger)
        stand.guide("g1")
        stand.run(200)
        chain = list[CustodyEvent]()
        for number, task_id in enumerate(("guide-000001", "guide-000001", "")):
            chain.append(linked(chain[-1] if chain else None, TaskId(task_id), stamp_ns=number))
            stand.fleet.on_custody(chain[-1])
        now_ns = stand.clock.now_ns()
        stand.run(60)
        archive(ledger, before_ns=now_ns + 1, file=tmp_path / "old.gz", now_ns=now_ns)
        stand.restart_fleet()
        digest = ledger.digest()
        for event in chain:
            stand.fleet.on_custody(event)
        assert ledger.digest() == digest
        other = linked(chain[-2], TaskId(""), stamp_ns=99)  # the robot's log was replaced
        stand.fleet.on_custody(linked(other, TaskId(""), stamp_ns=100))
        assert [alarm.alarm_id for alarm in stand.fleet.alarms()] == ["custody/courier_1"]
        assert ledger.digest() == digest
        stand.fleet.on_custody(linked(chain[-1], TaskId(""), stamp_ns=100))
        assert [event.kind for event in ledger.events()][-1] == "custody.recorded"


def test_what_left_is_in_none_of_the_files(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with SqlLedger(sqlite_url(path)) as ledger:
        stand = stand_with_past(ledger)
        files = [path, path.with_name("ledger.sqlite-wal")]
        assert any(b"passport of Grace" in file.read_bytes() for file in files)
        now_ns = stand.clock.now_ns()
        archive(ledger, before_ns=now_ns - to_ns(60.0), file=tmp_path / "old.gz", now_ns=now_ns)
        assert not any(b"passport of Grace" in file.read_bytes() for file in files)
        assert not any(b"request of yesterday" in file.read_bytes() for file in files)


def test_an_archive_that_does_not_fit_is_told(tmp_path: Path) -> None:
    places = [tmp_path / "one.sqlite", tmp_path / "two.sqlite"]
    for place, archive_file in zip(places, ("one.gz", "two.gz"), strict=True):
        with SqlLedger(sqlite_url(place)) as ledger:
            stand = stand_with_past(ledger, document=archive_file)
            now_ns = stand.clock.now_ns()
            archive(ledger, before_ns=now_ns - to_ns(60.0), file=tmp_path / archive_file, now_ns=now_ns)
    assert verify(str(places[0])).missing == ("one.gz",)
    with pytest.raises(BackupError, match="does not belong to this ledger"):
        verify(str(places[0]), [tmp_path / "two.gz"])
    (tmp_path / "renamed.gz").write_bytes((tmp_path / "one.gz").read_bytes())
    assert verify(str(places[0]), [tmp_path / "renamed.gz"]).missing == ()


def test_names_are_not_used_twice(tmp_path: Path) -> None:
    with SqlLedger(sqlite_url(tmp_path / "ledger.sqlite")) as ledger:
        stand = stand_with_past(ledger)
        now_ns = stand.clock.now_ns()
        archive(ledger, before_ns=now_ns - to_ns(60.0), file=tmp_path / "old.gz", now_ns=now_ns)
        (tmp_path / "old.gz").rename(tmp_path / "moved.gz")
        with pytest.raises(BackupError, match="an earlier archive has this name"):
            archive(ledger, before_ns=now_ns, file=tmp_path / "old.gz", now_ns=now_ns)
        with pytest.raises(BackupError, match="is there already"):
            archive(ledger, before_ns=now_ns, file=tmp_path / "moved.gz", now_ns=now_ns)
