"""GET: the site, the hall now, and whether the console lives."""

from typing import Any

from fastapi import APIRouter, HTTPException, Response

from robot_ops.console.hall_json import encode, hall_entry
from robot_ops.console.site_picture import SitePicture
from robot_ops.core.ids import LevelId
from robot_ops.dispatch.ports import Operations


def site_routes(operations: Operations, picture: SitePicture) -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["hall"])
    site_text = encode(picture.document)

    @router.get("/api/site", summary="Levels, lanes, places, doors, lifts, zones, robots and staff")
    async def site() -> Response:
        return Response(site_text, media_type="application/json")

    @router.get("/api/levels/{level}/map.png", summary="Map of a level: black unknown, gray free, white walls")
    async def level_map(level: str) -> Response:
        png = picture.maps.get(LevelId(level))
        if png is None:
            raise HTTPException(404, f"there is no map of level {level!r}")
        return Response(png, media_type="image/png", headers={"Cache-Control": "max-age=60"})

    @router.get("/api/view", summary="Everything an operator sees now; /api/live (WebSocket) sends what changes")
    async def view() -> dict[str, Any]:
        return hall_entry(operations.view())

    @router.get("/healthz", summary="Whether the console serves, and whether it hears the fleet")
    async def health() -> dict[str, Any]:
        return {"status": "ok", "is_fleet_online": operations.view().is_fleet_online}

    return router
