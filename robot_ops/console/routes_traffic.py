"""Traffic: lanes closed and opened, speed limits of zones, robots taken out, emergencies."""

from typing import Any

from fastapi import APIRouter, HTTPException

from robot_ops.console.bodies import AbsenceBody, EmergencyBody, LaneBody, ZoneBody
from robot_ops.console.hall_json import rules_entry
from robot_ops.console.workers import Workers
from robot_ops.core.ids import LaneId, RobotId, ZoneId
from robot_ops.dispatch.ports import Operations
from robot_ops.site.model import Site
from robot_ops.tasks.rule_changes import (
    bring_back,
    close_lanes,
    limit_zone,
    open_lanes,
    set_emergency,
    take_out,
    unlimit_zone,
)


def traffic_routes(operations: Operations, site: Site, workers: Workers) -> APIRouter:
    """Return the routes; all answer with the rules that hold then."""
    router = APIRouter(prefix="/api/traffic", tags=["traffic"])

    @router.post("/lanes/{lane}", summary="Close a lane for robots, or open it; one that is on it drives on to its end")
    async def set_lane(lane: str, body: LaneBody) -> dict[str, Any]:
        if LaneId(lane) not in site.lanes:
            raise HTTPException(404, f"there is no lane {lane!r}")
        change = close_lanes([LaneId(lane)]) if body.is_closed else open_lanes([LaneId(lane)])
        return rules_entry(await workers.run(operations.change_traffic_rules, change, operator=body.operator))

    @router.post("/zones/{zone}", summary="Limit the robots' speed in a zone, or lift the limit")
    async def set_zone(zone: str, body: ZoneBody) -> dict[str, Any]:
        if ZoneId(zone) not in site.zones:
            raise HTTPException(404, f"there is no zone {zone!r}")
        change = unlimit_zone(ZoneId(zone)) if body.speed is None else limit_zone(ZoneId(zone), body.speed)
        return rules_entry(await workers.run(operations.change_traffic_rules, change, operator=body.operator))

    @router.post("/robots/{robot}", summary="Say that a robot was taken out of the hall, or is in it again")
    async def set_absent(robot: str, body: AbsenceBody) -> dict[str, Any]:
        if RobotId(robot) not in site.robots:
            raise HTTPException(404, f"there is no robot {robot!r}")
        change = take_out([RobotId(robot)]) if body.is_absent else bring_back([RobotId(robot)])
        return rules_entry(await workers.run(operations.change_traffic_rules, change, operator=body.operator))

    @router.post("/emergency", summary="Begin or end an emergency: all robots clear fire lanes and stay in a refuge")
    async def declare(body: EmergencyBody) -> dict[str, Any]:
        change = set_emergency(is_on=body.is_on)
        return rules_entry(await workers.run_stop(operations.change_traffic_rules, change, operator=body.operator))

    return router
