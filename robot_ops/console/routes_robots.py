"""Robots: stop and release, one or all; camera pictures; behavior trees."""

import asyncio
from typing import Any

from fastapi import APIRouter, HTTPException, Response

from robot_ops.console.bodies import StopBody
from robot_ops.console.site_picture import CAMERAS
from robot_ops.console.workers import Workers
from robot_ops.core.errors import RobotOpsError
from robot_ops.core.ids import RobotId
from robot_ops.dispatch.ports import Operations
from robot_ops.site.model import Site


def robot_routes(operations: Operations, site: Site, workers: Workers) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api", tags=["robots"])

    def known(robot: str) -> RobotId:
        if RobotId(robot) not in site.robots:
            raise HTTPException(404, f"there is no robot {robot!r}")
        return RobotId(robot)

    async def set_stop(robot: RobotId, body: StopBody | None, *, is_engaged: bool) -> None:
        operator = (body or StopBody()).operator
        await workers.run_stop(operations.set_stop, robot, is_engaged=is_engaged, operator=operator)

    async def set_all(response: Response, body: StopBody | None, *, is_engaged: bool) -> dict[str, Any]:
        robots = [view.robot for view in operations.view().robots]
        calls = (set_stop(robot, body, is_engaged=is_engaged) for robot in robots)
        results = await asyncio.gather(*calls, return_exceptions=True)
        unconfirmed = {}
        for robot, result in zip(robots, results, strict=True):
            if isinstance(result, RobotOpsError):
                unconfirmed[robot] = str(result)
            elif isinstance(result, BaseException):
                raise result
        if unconfirmed:
            response.status_code = 503
        return {"confirmed": [robot for robot in robots if robot not in unconfirmed], "unconfirmed": unconfirmed}

    @router.post("/robots/{robot}/stop", summary="Latch the robot's stop; answered when its safety node confirmed")
    async def stop(robot: str, body: StopBody | None = None) -> dict[str, str]:
        await set_stop(known(robot), body, is_engaged=True)
        return {"robot": robot}

    @router.post("/robots/{robot}/release", summary="Release the robot's stop; this alone never starts motion")
    async def release(robot: str, body: StopBody | None = None) -> dict[str, str]:
        await set_stop(known(robot), body, is_engaged=False)
        return {"robot": robot}

    @router.post("/stop_all", summary="Stop every robot; 503 with the names of those that did not confirm")
    async def stop_all(response: Response, body: StopBody | None = None) -> dict[str, Any]:
        return await set_all(response, body, is_engaged=True)

    @router.post("/release_all", summary="Release every robot; 503 with the names of those that did not confirm")
    async def release_all(response: Response, body: StopBody | None = None) -> dict[str, Any]:
        return await set_all(response, body, is_engaged=False)

    @router.get("/robots/{robot}/camera/{camera}.jpg", summary="Latest picture; 204 while there is none")
    async def camera_picture(robot: str, camera: str) -> Response:
        robot_id = known(robot)
        if camera not in CAMERAS[site.robots[robot_id].model.kind]:
            raise HTTPException(404, f"{robot} has no camera {camera!r}")
        jpeg = await workers.run(operations.camera_jpeg, robot_id, camera)
        if jpeg is None:
            return Response(status_code=204, headers={"Cache-Control": "no-store"})
        return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": "no-store"})

    @router.get("/robots/{robot}/tree", summary="Behavior tree, depth first")
    async def tree(robot: str) -> list[dict[str, Any]]:
        rows = await workers.run(operations.tree, known(robot))
        return [{"depth": depth, "name": name, "type": kind, "status": status} for depth, name, kind, status in rows]

    return router
