"""Kill -9 in the middle of the fleet's work: what was answered "accepted" is in the ledger, and it can go on."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from robot_ops.core.errors import LedgerError
from robot_ops.ledger.places import sqlite_url
from robot_ops.ledger.sql_ledger import SqlLedger
from robot_ops.tasks.book import replayed
from robot_ops.tasks.status import TaskStatus
from robot_ops.testing.fleet_stand import FleetStand

PROGRAM = """
import sys
from robot_ops.ledger.sql_ledger import SqlLedger
from robot_ops.testing.fleet_stand import FleetStand

with SqlLedger(sys.argv[1]) as ledger:
    stand = FleetStand(ledger=ledger)
    known = len(stand.fleet.tasks(with_finished=True))
    stand.run(1.0)
    for number in range(known, known + 100_000):
        answer = stand.guide(f"g{number}") if number % 3 else stand.deliver(f"d{number}")
        print(answer.task_id, flush=True)
        stand.run(2.0)
"""


@pytest.mark.parametrize("count", [1, 7, 25])
def test_kill_9_loses_no_accepted_task(tmp_path: Path, count: int) -> None:
    url = sqlite_url(tmp_path / "ledger.db")
    answered: list[str] = []
    for _ in range(2):  # the second fleet begins with what the first left
        with subprocess.Popen([sys.executable, "-c", PROGRAM, url], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            answered += [process.stdout.readline().strip() for _ in range(count)]
            with pytest.raises(LedgerError, match="in use"), SqlLedger(url):
                pass
            process.send_signal(signal.SIGKILL)
            # answered between the last line read and the signal
            answered += process.stdout.read().split()
    assert len(set(answered)) == len(answered) >= 2 * count
    with SqlLedger(url) as ledger:
        book = replayed(ledger.events())
        assert set(answered) <= set(book.tasks)
        assert len(book.tasks) - len(answered) <= 2  # on disk, killed before the answer
        stand = FleetStand(ledger=ledger)
        stand.run(60.0 * (len(book.tasks) + 2))
        tasks = stand.fleet.tasks(with_finished=True)
        assert all(task.status.is_final for task in tasks)
        # the robots of the test die with their fleet, and so do visitors and documents under way
        assert all("forgotten" in task.reason for task in tasks if task.status is not TaskStatus.COMPLETED)
