"""What fleet and robots tell each other goes through messages and comes out the same."""

from dataclasses import replace

import pytest

from robot_ops.core.ids import MissionId, PersonId, PlaceId, RobotId, TaskId
from robot_ops.dispatch.ports import TaskView
from robot_ops.ros_nodes.vocabulary import from_order, from_task, to_order, to_task
from robot_ops.tasks.orders import Handover, MissionKind, MissionOrder
from robot_ops.tasks.status import TaskStatus
from robot_ops.testing.fleet_stand import delivery

ORDER = MissionOrder(
    mission_id=MissionId("deliver-000001.1"),
    task_id=TaskId("deliver-000001"),
    robot=RobotId("courier_1"),
    kind=MissionKind.DELIVER_DOCUMENT,
    pickup=PlaceId("counter_1"),
    destination=PlaceId("lift_up"),
    sender=Handover(person=PersonId("ada"), code_hash="1$00$11"),
    recipient=Handover(person=PersonId("ben"), code_hash="1$00$22"),
    document="permit",
    compartment="c1",
)
TASK = TaskView(
    task_id=TaskId("deliver-000001"),
    request=delivery(),
    status=TaskStatus.UNDERWAY,
    robot=RobotId("courier_1"),
    phase=None,
    reason="",
    submitted_ns=1_000_000_000,
    started_ns=2_000_000_000,
    finished_ns=None,
    estimated_finish_ns=60_000_000_000,
)


@pytest.mark.parametrize("onward", [None, PlaceId("from_lift_up")])
def test_an_order_tells_where_another_robot_goes_on(onward: PlaceId | None) -> None:
    order = replace(ORDER, onward=onward)
    assert from_order(to_order(order)) == order


@pytest.mark.parametrize("keeper", [None, PersonId("ben")])
def test_a_task_tells_who_keeps_its_document(keeper: PersonId | None) -> None:
    task = replace(TASK, keeper=keeper)
    assert from_task(to_task(task)) == task
