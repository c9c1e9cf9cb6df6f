import pytest
from robot_ops_interfaces.srv import SetStop, SubmitTask

from robot_ops.core.errors import RequestError
from robot_ops.core.ids import RobotId
from robot_ops.ros_nodes.fleet_messages import check_stop_answer, from_submit_answer

GUIDE = RobotId("guide_1")


@pytest.mark.parametrize("is_engaged", [True, False])
def test_a_stop_that_does_not_stand_as_asked_for_is_an_error(is_engaged: bool) -> None:
    check_stop_answer(GUIDE, SetStop.Response(is_stopped=is_engaged), is_engaged=is_engaged)
    with pytest.raises(RequestError, match="guide_1: the disk is full"):
        check_stop_answer(
            GUIDE, SetStop.Response(is_stopped=not is_engaged, text="the disk is full"), is_engaged=is_engaged
        )


def test_a_refused_request_is_an_error_with_its_reason() -> None:
    with pytest.raises(RequestError, match="no such place"):
        from_submit_answer(SubmitTask.Response(error="no such place"))
    accepted = from_submit_answer(SubmitTask.Response(is_accepted=True, task_id="guide-000001"))
    assert accepted.task_id == "guide-000001"
