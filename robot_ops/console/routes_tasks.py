"""Tasks: list, explain, submit, cancel, hand over, taken out by key."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter

from robot_ops.console.bodies import CancelBody, HandOverBody, TakenOutBody, TaskBody
from robot_ops.console.hall_json import accepted_entry, explanation_entry, task_entry
from robot_ops.console.workers import Workers
from robot_ops.core.ids import PersonId, TaskId
from robot_ops.dispatch.ports import Operations


def task_routes(operations: Operations, workers: Workers) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/tasks", tags=["tasks"])

    @router.get("", summary="Tasks; with_finished adds those that ended lately")
    async def tasks(with_finished: bool = True) -> list[dict[str, Any]]:
        listed = operations.view().tasks
        return [task_entry(task) for task in listed if with_finished or not task.status.is_final]

    @router.post("", status_code=201, summary="Submit a task; answered when it is on disk. Codes are told only here")
    async def submit(body: TaskBody) -> Mapping[str, Any]:
        request = body.request(operations.view().stamp_ns)
        return accepted_entry(await workers.run(operations.submit, request))

    @router.post("/{task_id}/cancel", summary="Cancel a task")
    async def cancel(task_id: str, body: CancelBody | None = None) -> dict[str, str]:
        await workers.run(operations.cancel, TaskId(task_id), (body or CancelBody()).reason)
        return {"task_id": task_id}

    @router.get("/{task_id}/explanation", summary="Why the task has its robot, and what each other would make of it")
    async def explanation(task_id: str) -> dict[str, Any]:
        return explanation_entry(await workers.run(operations.explain_dispatch, TaskId(task_id)))

    @router.post("/{task_id}/hand_over", summary="Have staff take a document out of a robot that cannot go on")
    async def hand_over(task_id: str, body: HandOverBody) -> dict[str, str]:
        code = await workers.run(operations.hand_over, TaskId(task_id), PersonId(body.custodian))
        return {"task_id": task_id, "custodian": body.custodian, "code": code}

    @router.post("/{task_id}/taken_out", summary="Say that staff took a document out of a robot by key")
    async def taken_out(task_id: str, body: TakenOutBody) -> dict[str, str]:
        person = PersonId(body.person)
        code = await workers.run(operations.report_taken_out, TaskId(task_id), person, operator=body.operator)
        return {"task_id": task_id, "person": person, "code": code}

    return router
