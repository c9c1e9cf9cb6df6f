"""What a robot's chain of custody tells counts, also where its last report never comes."""

import numpy as np

from robot_ops.bringup.simulation_storage import open_storage
from robot_ops.core.resources import shared_folder
from robot_ops.simulation.deterministic import DeterministicRun
from robot_ops.simulation.network import Disturbance
from robot_ops.simulation.scenario import load_scenario
from robot_ops.tasks.custody import CustodyEvent, CustodyKind
from robot_ops.tasks.status import TaskStatus


def test_a_delivery_whose_receipt_is_on_record_is_completed_though_its_robot_has_forgotten_it() -> None:
    hall = load_scenario(shared_folder("sim") / "scenarios" / "quiet.yaml")
    with open_storage() as storage:
        run = DeterministicRun(
            hall, ledger=storage.ledger, custody=storage.custody, behaviors=shared_folder("behaviors"), seed=1
        )
        received: list[CustodyEvent] = []
        recorded = run.watcher.recorded

        def crash_after_receipt(event: CustodyEvent) -> None:
            recorded(event)
            if event.kind is CustodyKind.RECEIPT and not received:
                received.append(event)
                station = run.stations[event.robot]
                run.scheduler.after(0.0, lambda: station.kill(5.0))
                cut = Disturbance(rng=np.random.default_rng(1), cuts_down=True)
                run.network.disturb(event.robot, 0, cut)

        setattr(run.watcher, "recorded", crash_after_receipt)  # noqa: B010 - a method of this one watcher
        run.begin()
        while not received:
            run.go_on(10.0)
        run.go_on(200.0)
        run.network.restore(received[0].robot, 0)
        fleet = run.fleet.dispatcher
        assert fleet is not None
        task = next(task for task in fleet.tasks(with_finished=True) if task.task_id == received[0].task_id)
        assert task.status is TaskStatus.COMPLETED
        assert run.watcher.broken is None
