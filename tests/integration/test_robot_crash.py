"""Kill -9 of a robot's process with a document on board: the next process resumes by the custody log on disk."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from robot_ops.ledger.custody_log import SqliteCustodyLog
from robot_ops.tasks.custody import CustodyKind, verify
from robot_ops.tasks.orders import MissionOutcome, MissionPhase
from robot_ops.testing.mission_bench import RECIPIENT_CODE, SENDER_CODE, MissionBench, delivery_order
from robot_ops.testing.mission_site import COURIER, OFFICE_DESK, SPOT

BEHAVIORS = Path(__file__).parents[2] / "behaviors"
PROGRAM = """
import sys
import time
from pathlib import Path
from robot_ops.ledger.custody_log import SqliteCustodyLog
from robot_ops.missions.ports import AnnouncementKind
from robot_ops.testing.mission_bench import SENDER_CODE, RECIPIENT_CODE, MissionBench, delivery_order
from robot_ops.testing.mission_site import COURIER, SPOT

path, behaviors, count = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
with SqliteCustodyLog(COURIER, path) as custody:
    b = MissionBench(COURIER, SPOT, behaviors, custody=custody)
    b.agent.start_mission(delivery_order())
    codes, seen = [("ada", SENDER_CODE), ("bob", RECIPIENT_CODE)], 0
    while True:
        b.tick()
        shown = b.panel.shown[-1].kind if b.panel.shown else None
        state = b.compartments.state("c1")
        if shown is AnnouncementKind.AUTHENTICATE and b.panel.entry is None and codes:
            b.panel.type_code(*codes.pop(0))
        elif shown in (AnnouncementKind.LOAD, AnnouncementKind.UNLOAD) and not state.is_locked:
            b.compartments.use("c1", is_occupied=shown is AnnouncementKind.LOAD)
            b.panel.press_done()
        if len(custody.events()) == count:
            print("reached", flush=True)
            time.sleep(60.0)
"""


@pytest.mark.parametrize("count", [4, 6], ids=["on board", "opened for the recipient"])
def test_kill_9_of_a_robot_with_a_document(tmp_path: Path, count: int) -> None:
    path = tmp_path / "custody.db"
    command = [sys.executable, "-c", PROGRAM, str(path), str(BEHAVIORS), str(count)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "reached"
        process.send_signal(signal.SIGKILL)
    with SqliteCustodyLog(COURIER, path) as custody:
        assert len(custody.events()) == count
        b = MissionBench(COURIER, SPOT, BEHAVIORS, custody=custody)
        b.compartments.unlock("c1")
        b.compartments.use("c1", is_occupied=True)
        b.compartments.lock("c1")
        b.agent.start_mission(delivery_order(has_cargo=True))
        assert b.report.has_cargo
        b.run(1.0)
        assert b.report.phase is MissionPhase.CARRYING
        b.run_until(lambda: b.report.phase is MissionPhase.UNLOADING)
        assert b.pose.pose.distance_to(b.site.pose_at(OFFICE_DESK).pose) < 2.0
        b.panel.type_code("ada", SENDER_CODE)
        b.run(1.0)
        b.panel.type_code("bob", RECIPIENT_CODE)
        b.run(2.0)
        b.compartments.use("c1", is_occupied=False)
        b.panel.press_done()
        assert b.run_to_end().outcome is MissionOutcome.COMPLETED
        kinds = [event.kind for event in custody.events()]
        assert kinds.count(CustodyKind.LOADED) == 1
        assert kinds.count(CustodyKind.RECEIPT) == 1
        verify(custody.events())
