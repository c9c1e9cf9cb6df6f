"""The console's web application: the page, the HTTP API and the live feed."""

import logging
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path

import anyio
from fastapi import FastAPI, WebSocket
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from starlette.websockets import WebSocketDisconnect

from robot_ops.console.answers import add_error_answers
from robot_ops.console.guard import LOCAL_HOSTS, Guard
from robot_ops.console.live_feed import LiveFeed
from robot_ops.console.routes_robots import robot_routes
from robot_ops.console.routes_site import site_routes
from robot_ops.console.routes_tasks import task_routes
from robot_ops.console.routes_traffic import traffic_routes
from robot_ops.console.site_picture import picture_site
from robot_ops.console.workers import Workers
from robot_ops.core.errors import RobotOpsError
from robot_ops.dispatch.ports import Operations
from robot_ops.site.model import Site

_LOG = logging.getLogger(__name__)
_SEND_TIMEOUT = 10.0
"""Seconds after which a page that takes nothing is given up; it connects anew."""


def create_app(operations: Operations, site: Site, *, hosts: Collection[str] = LOCAL_HOSTS) -> FastAPI:
    """Return the console as an ASGI application.

    Args:
        hosts: names by which browsers may call it, without port.

    Raises:
        SiteError: a level's map cannot be read.
    """
    picture = picture_site(site)
    workers = Workers()
    feed = LiveFeed(operations)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await feed.close()
        workers.close()

    app = FastAPI(
        title=f"robot_ops console, {site.title}",
        description="What operators can see and do. Errors are answered as {error, field, mend}.",
        docs_url=None,  # FastAPI's pages load scripts from elsewhere; /docs is one of ours
        redoc_url=None,
        lifespan=lifespan,
    )
    app.add_middleware(Guard, hosts=hosts)
    add_error_answers(app)
    app.include_router(site_routes(operations, picture))
    app.include_router(task_routes(operations, workers))
    app.include_router(robot_routes(operations, site, workers))
    app.include_router(traffic_routes(operations, site, workers))

    @app.websocket("/api/live")
    async def live(socket: WebSocket) -> None:
        await socket.accept()
        await _feed_page(socket, feed)

    _add_pages(app)
    return app


def _add_pages(app: FastAPI) -> None:
    static = Path(str(files("robot_ops.console").joinpath("static")))

    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(static / "index.html", headers={"Cache-Control": "no-cache"})

    @app.get("/docs", include_in_schema=False)
    async def docs() -> FileResponse:
        return FileResponse(static / "docs.html", headers={"Cache-Control": "no-cache"})

    app.mount("/static", StaticFiles(directory=static), name="static")


async def _feed_page(socket: WebSocket, feed: LiveFeed) -> None:
    """Send to the page until it goes, takes nothing any more, or the hall cannot be seen."""
    async with anyio.create_task_group() as group:
        group.start_soon(_wait_for_leave, socket, group.cancel_scope)
        messages = feed.messages()
        try:
            async for message in messages:
                with anyio.fail_after(_SEND_TIMEOUT):
                    await socket.send_text(message)
        except (WebSocketDisconnect, TimeoutError):
            pass
        except RobotOpsError:
            _LOG.exception("the live feed ended")
            await socket.close(code=1011)
        finally:
            await messages.aclose()
        group.cancel_scope.cancel()


async def _wait_for_leave(socket: WebSocket, scope: anyio.CancelScope) -> None:
    try:
        while True:
            await socket.receive_text()
    except WebSocketDisconnect:
        scope.cancel()
