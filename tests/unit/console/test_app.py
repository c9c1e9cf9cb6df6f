"""The console's HTTP API and live feed against a hall in memory."""

import json
import math
import struct
import threading
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from robot_ops.console.app import create_app
from robot_ops.console.map_pictures import gray_png
from robot_ops.core.clock import ManualClock
from robot_ops.core.errors import LinkError
from robot_ops.core.ids import RobotId, TaskId
from robot_ops.core.resources import shared_folder
from robot_ops.dispatch.ports import HallView
from robot_ops.site.files import load_site
from robot_ops.tasks.orders import MissionPhase
from robot_ops.tasks.requests import GuidanceRequest
from robot_ops.tasks.status import TaskStatus
from robot_ops.testing.operations import MemoryOperations
from robot_ops.testing.small_site import small_site
from robot_ops.traffic.waits import Wait

LIVE = "ws://localhost/api/live"
GUIDE, COURIER = RobotId("guide_1"), RobotId("courier_1")
GUIDANCE = {"kind": "guide", "pickup": "kiosk_1", "destination": "counter_2", "language": "fr", "party_size": 2}
DELIVERY = {
    "kind": "deliver",
    "pickup": "counter_1",
    "destination": "desk_1",
    "sender": "ada",
    "recipient": "gita",
    "document": "passport",
}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(5_000_000_000)


@pytest.fixture
def hall(clock: ManualClock) -> MemoryOperations:
    return MemoryOperations(small_site(), clock)


@pytest.fixture
def client(hall: MemoryOperations) -> Iterator[TestClient]:
    with TestClient(create_app(hall, small_site()), base_url="http://127.0.0.1:8080") as client:
        yield client


def test_site_tells_everything_the_page_draws(client: TestClient) -> None:
    site = client.get("/api/site").json()
    assert [level["id"] for level in site["levels"]] == ["hall"]
    assert site["levels"][0]["map"] is None
    west, south, east, north = site["levels"][0]["bounds"]
    assert all(west < place["x"] < east and south < place["y"] < north for place in site["places"])
    assert {robot["id"]: robot["cameras"] for robot in site["robots"]}["courier_1"] == ["front", "compartment"]
    assert site["languages"] == ["en", "fr"]
    assert {"id": "ada", "name": "ada", "place": "counter_1"} in site["staff"]


def test_maps_of_the_hall_are_pictures_with_their_place() -> None:
    site = load_site(shared_folder("sites") / "immigration_hall.yaml")
    with TestClient(create_app(MemoryOperations(site, ManualClock(0)), site), base_url="http://localhost") as client:
        level = client.get("/api/site").json()["levels"][0]
        answer = client.get(level["map"]["url"])
        assert answer.headers["content-type"] == "image/png"
        width, height = struct.unpack(">II", answer.content[16:24])
        west, south, east, north = level["bounds"]
        assert width * level["map"]["resolution"] == pytest.approx(east - west)
        assert height * level["map"]["resolution"] == pytest.approx(north - south)
        assert client.get("/api/levels/cellar/map.png").status_code == 404


def test_png_holds_the_pixels() -> None:
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    png = gray_png(pixels)
    start = png.index(b"IDAT") + 4
    size = struct.unpack(">I", png[start - 8 : start - 4])[0]
    lines = np.frombuffer(zlib.decompress(png[start : start + size]), np.uint8).reshape(3, 5)
    assert (lines[:, 0] == 0).all()
    assert (lines[:, 1:] == pixels).all()


def test_view_tells_robots_routes_and_people(client: TestClient, hall: MemoryOperations) -> None:
    view = client.get("/api/view").json()
    robot = view["robots"][0]
    assert (robot["id"], robot["kind"], robot["is_online"]) == ("guide_1", "guide", True)
    assert robot["at"]["level"] == "hall"
    assert view["routes"]["guide_1"]["cleared"] < len(view["routes"]["guide_1"]["points"])
    assert view["stamp"] == 5.0
    assert view["is_fleet_online"]


def test_unmeasured_numbers_are_null(hall: MemoryOperations, monkeypatch: pytest.MonkeyPatch) -> None:
    class Unmeasured(MemoryOperations):
        def view(self) -> HallView:
            view = super().view()
            for robot in view.robots:
                assert robot.status is not None
                object.__setattr__(robot.status, "battery_soc", math.nan)
                object.__setattr__(robot.status, "at", None)
            return view

    operations = Unmeasured(small_site(), ManualClock(0))
    with TestClient(create_app(operations, small_site()), base_url="http://localhost") as client:
        robot = client.get("/api/view").json()["robots"][0]
        assert robot["battery_soc"] is None
        assert robot["at"] is None


def test_a_guidance_task_is_submitted_listed_and_canceled(client: TestClient, hall: MemoryOperations) -> None:
    answer = client.post("/api/tasks", json={**GUIDANCE, "due_in": 60})
    assert answer.status_code == 201
    assert answer.json()["sender_code"] == ""
    task_id = answer.json()["task_id"]
    request = hall.tasks[TaskId(task_id)].request
    assert isinstance(request, GuidanceRequest)
    assert (request.language, request.party_size, request.due_ns) == ("fr", 2, 65_000_000_000)
    listed = client.get("/api/tasks").json()
    assert [(task["id"], task["status"], task["is_open"]) for task in listed] == [(task_id, "queued", True)]
    assert client.post(f"/api/tasks/{task_id}/cancel", json={"reason": "no visitor"}).status_code == 200
    assert hall.tasks[TaskId(task_id)].reason == "no visitor"
    assert client.get("/api/tasks", params={"with_finished": False}).json() == []


def test_a_stranded_document_is_handed_over(client: TestClient, hall: MemoryOperations) -> None:
    task_id = client.post("/api/tasks", json=DELIVERY).json()["task_id"]
    refused = client.post(f"/api/tasks/{task_id}/hand_over", json={"custodian": "ben"})
    assert (refused.status_code, refused.json()["field"]) == (422, "task_id")
    hall.strand(TaskId(task_id))
    assert client.get("/api/tasks").json()[0]["is_stranded"]
    assert client.get("/api/tasks").json()[0]["keeper"] is None
    assert client.post(f"/api/tasks/{task_id}/hand_over", json={}).status_code == 422
    assert client.post(f"/api/tasks/{task_id}/hand_over", json={"custodian": "nobody"}).status_code == 422
    answer = client.post(f"/api/tasks/{task_id}/hand_over", json={"custodian": "ben"})
    assert answer.json() == {"task_id": task_id, "custodian": "ben", "code": "318842"}


def test_a_document_is_said_to_be_taken_out_by_key(client: TestClient, hall: MemoryOperations) -> None:
    task_id = client.post("/api/tasks", json=DELIVERY).json()["task_id"]
    url = f"/api/tasks/{task_id}/taken_out"
    assert client.post(url, json={"person": "ben", "operator": "olga"}).status_code == 422
    hall.strand(TaskId(task_id))
    assert client.get("/api/tasks").json()[0]["key_robot"] == "courier_1"
    for wrong in ({}, {"person": "ben", "operator": " "}, {"person": "ben", "why": "so"}):
        assert client.post(url, json=wrong).status_code == 422
    assert client.post(url, json={"person": "ben", "operator": "olga"}).json() == {
        "task_id": task_id,
        "person": "ben",
        "code": "318842",
    }
    assert hall.keys_used == [(task_id, "ben", "olga")]
    assert client.get("/api/tasks").json()[0]["key_robot"] is None


def test_why_a_task_has_its_robot_is_told_when_somebody_asks(client: TestClient, hall: MemoryOperations) -> None:
    task_id = client.post("/api/tasks", json=GUIDANCE).json()["task_id"]
    client.get("/api/view")
    assert hall.explained == []
    answer = client.get(f"/api/tasks/{task_id}/explanation").json()
    assert hall.explained == [task_id]
    assert answer["lines"] == ["guide_1 does it next; expected to be done in about 3 minutes"]
    chosen, other, *cannot = answer["options"]
    assert (chosen["robot"], chosen["is_chosen"], chosen["finish"]) == ("guide_1", True, 160.0)
    assert (other["late"], other["cost"]) == (12.0, 34.0)
    assert [(each["arrival"], each["cost"], each["obstacle"]) for each in cannot] == [(None, None, "has no screen")] * 2
    assert client.get("/api/tasks/task-9/explanation").status_code == 422


def test_promises_and_the_number_of_open_tasks_are_told(client: TestClient, hall: MemoryOperations) -> None:
    hall.open_count = 9000
    client.post("/api/tasks", json=GUIDANCE)
    view = client.get("/api/view").json()
    assert view["open_count"] == 9000
    assert view["tasks"][0]["promised"] == view["tasks"][0]["estimated_finish"] == 125.0


def test_a_robot_is_taken_out_and_brought_back(client: TestClient, hall: MemoryOperations) -> None:
    answer = client.post("/api/traffic/robots/guide_1", json={"is_absent": True})
    assert answer.json()["absent_robots"] == ["guide_1"]
    assert client.post("/api/traffic/robots/guide_9", json={"is_absent": True}).status_code == 404
    assert client.post("/api/traffic/robots/guide_1", json={"is_absent": "yes"}).status_code == 422
    assert client.post("/api/traffic/robots/guide_1", json={"is_absent": False}).json()["absent_robots"] == []


def test_a_delivery_tells_its_codes_once(client: TestClient) -> None:
    answer = client.post("/api/tasks", json=DELIVERY).json()
    assert answer["sender_code"]
    assert answer["recipient_code"]
    assert answer["sender_code"] not in client.get("/api/view").text
    assert answer["recipient_code"] not in client.get("/api/tasks").text


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": "dance"}, ""),
        ({"destination": "kiosk_1"}, "destination"),
        ({"party_size": 99}, "party_size"),
        ({"party_size": "many"}, "party_size"),
        ({"priority": 11}, "priority"),
        ({"language": " "}, "language"),
        ({"due_in": -5}, "due_in"),
        ({"request_id": "line\nbreak"}, "request_id"),
        ({"request_id": "long" * 100}, "request_id"),
        ({"pickup": "cellar"}, "pickup or destination"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_wrong_request_is_told_with_its_field(
    client: TestClient, hall: MemoryOperations, changes: dict[str, Any], field: str
) -> None:
    answer = client.post("/api/tasks", json={**GUIDANCE, **changes})
    assert answer.status_code == 422
    assert answer.json()["field"] == field
    assert answer.json()["error"]
    assert set(answer.json()) == {"error", "field", "mend"}
    assert not hall.tasks


def test_what_is_no_json_is_refused(client: TestClient) -> None:
    answer = client.post("/api/tasks", content=b"{", headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert set(answer.json()) == {"error", "field", "mend"}


def test_the_same_request_id_is_passed_on(client: TestClient, hall: MemoryOperations) -> None:
    client.post("/api/tasks", json={**GUIDANCE, "request_id": "mine"})
    client.post("/api/tasks", json=GUIDANCE)
    # who repeats a request is told its codes again
    assert "request_id" not in client.get("/api/tasks").json()[0]["request"]
    ids = [task.request.request_id for task in hall.tasks.values()]
    assert ids[0] == "mine"
    assert ids[1].startswith("console-")


def test_a_silent_fleet_is_503_and_an_unknown_task_422(client: TestClient, hall: MemoryOperations) -> None:
    assert client.post("/api/tasks/nine/cancel").status_code == 422
    hall.is_fleet_online = False
    answer = client.post("/api/tasks", json=GUIDANCE)
    assert answer.status_code == 503
    assert "did not answer" in answer.json()["error"]
    assert client.get("/healthz").json() == {"status": "ok", "is_fleet_online": False}


def test_one_robot_is_stopped_and_released_by_name(client: TestClient, hall: MemoryOperations) -> None:
    assert client.post("/api/robots/guide_1/stop", json={"operator": "nora"}).status_code == 200
    assert hall.stopped == {GUIDE: "nora"}
    entry = client.get("/api/view").json()["robots"][0]
    assert (entry["is_stopped"], entry["stopped_by"]) == (True, "nora")
    assert client.post("/api/robots/guide_1/release").status_code == 200
    assert hall.stopped == {}
    assert client.post("/api/robots/nobody/stop").status_code == 404
    assert client.post("/api/robots/guide_1/stop", json={"operator": " "}).status_code == 422


def test_stop_all_stops_whom_it_can_and_names_the_others(client: TestClient, hall: MemoryOperations) -> None:
    hall.unreachable = {COURIER}
    answer = client.post("/api/stop_all")
    assert answer.status_code == 503
    assert answer.json()["confirmed"] == ["guide_1", "guide_2", "courier_2"]
    assert list(answer.json()["unconfirmed"]) == ["courier_1"]
    assert set(hall.stopped) == {"guide_1", "guide_2", "courier_2"}
    hall.unreachable = set()
    assert client.post("/api/stop_all").json()["unconfirmed"] == {}
    assert client.post("/api/release_all").status_code == 200
    assert hall.stopped == {}


def test_a_stop_passes_requests_that_wait(client: TestClient, hall: MemoryOperations) -> None:
    hall.gate.clear()
    waiting = 30  # more than there are ordinary threads
    with ThreadPoolExecutor(waiting) as pool:
        submits = [pool.submit(client.post, "/api/tasks", json=GUIDANCE) for _ in range(waiting)]
        assert client.post("/api/stop_all").status_code == 200
        assert len(hall.stopped) == 4
        assert not any(submit.done() for submit in submits)
        hall.gate.set()
        assert {submit.result().status_code for submit in submits} == {201}


def test_robots_are_stopped_side_by_side(clock: ManualClock) -> None:
    meeting = threading.Barrier(4, timeout=10.0)

    class Slow(MemoryOperations):
        def set_stop(self, robot: RobotId | None, *, is_engaged: bool, operator: str) -> None:
            meeting.wait()  # breaks unless all four calls are under way at once
            super().set_stop(robot, is_engaged=is_engaged, operator=operator)

    hall = Slow(small_site(), clock)
    with TestClient(create_app(hall, small_site()), base_url="http://localhost") as client:
        assert client.post("/api/stop_all").status_code == 200
    assert len(hall.stopped) == 4


def test_who_waits_for_whom_and_the_rules_are_told(client: TestClient, hall: MemoryOperations) -> None:
    hall.waits = [Wait(robot=GUIDE, waits_for=(COURIER,), text="guide_1 waits for courier_1 at r1", since_ns=2 * 10**9)]
    assert client.get("/api/view").json()["traffic"] == {
        "waits": [
            {
                "robot": "guide_1",
                "waits_for": ["courier_1"],
                "blocks": [],
                "text": "guide_1 waits for courier_1 at r1",
                "since": 2.0,
            }
        ],
        "rules": {"closed_lanes": [], "speed_limits": {}, "absent_robots": [], "is_emergency": False},
    }


def test_rules_of_traffic_are_changed_one_by_one(client: TestClient, hall: MemoryOperations) -> None:
    lane = next(iter(small_site().lanes))
    who = {"operator": "nora"}
    answer = client.post(f"/api/traffic/lanes/{lane}", json={"is_closed": True, **who})
    assert answer.json() == {"closed_lanes": [lane], "speed_limits": {}, "absent_robots": [], "is_emergency": False}
    assert client.post("/api/traffic/emergency", json={"is_on": True}).json()["is_emergency"]
    assert hall.changed_by == ["nora", "console"]
    opened = client.post(f"/api/traffic/lanes/{lane}", json={"is_closed": False}).json()
    assert (opened["closed_lanes"], opened["is_emergency"]) == ([], True)
    with client.websocket_connect(LIVE) as socket:
        assert socket.receive_json()["traffic"]["rules"]["is_emergency"]
        client.post("/api/traffic/emergency", json={"is_on": False})
        assert not _next_with(socket, "traffic")["traffic"]["rules"]["is_emergency"]


def test_speed_limits_of_zones(clock: ManualClock) -> None:
    site = load_site(shared_folder("sites") / "immigration_hall.yaml")
    hall = MemoryOperations(site, clock)
    with TestClient(create_app(hall, site), base_url="http://localhost") as client:
        limited = client.post("/api/traffic/zones/queue_west", json={"speed": 0.3}).json()
        assert limited["speed_limits"] == {"queue_west": 0.3}
        for speed in (0, -1, 99, "nan", True):
            assert client.post("/api/traffic/zones/queue_west", json={"speed": speed}).status_code == 422
        lifted = client.post("/api/traffic/zones/queue_west", json={"speed": None}).json()
        assert lifted["speed_limits"] == {}
        assert client.post("/api/traffic/zones/nowhere", json={"speed": 0.3}).status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("lanes/nowhere", {"is_closed": True}, 404),
        ("emergency", {}, 422),
        ("emergency", {"is_on": "perhaps"}, 422),
        ("emergency", {"is_on": True, "operator": " "}, 422),
        ("emergency", {"is_on": True, "for": "ever"}, 422),
    ],
)
def test_wrong_rules_change_nothing(
    client: TestClient, hall: MemoryOperations, path: str, body: dict[str, Any], status: int
) -> None:
    answer = client.post(f"/api/traffic/{path}", json=body)
    assert answer.status_code == status
    assert answer.json()["error"]
    assert hall.changed_by == []
    hall.is_fleet_online = False
    assert client.post("/api/traffic/emergency", json={"is_on": True}).status_code == 503


def test_camera_and_tree(client: TestClient, hall: MemoryOperations, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = client.get("/api/robots/guide_1/camera/rear.jpg")
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.content[:2] == b"\xff\xd8"
    assert client.get("/api/robots/guide_1/camera/compartment.jpg").status_code == 404
    assert client.get("/api/robots/nobody/camera/front.jpg").status_code == 404
    row = client.get("/api/robots/guide_1/tree").json()[1]
    assert row == {"depth": 1, "name": "Drive to the kiosk", "type": "GoTo", "status": "SUCCESS"}


def test_robots_off_the_lanes_say_where_and_why(client: TestClient, hall: MemoryOperations) -> None:
    hall.free[GUIDE] = (0.9, True)
    robots = {robot["id"]: robot for robot in client.get("/api/view").json()["robots"]}
    assert robots[GUIDE]["is_by_hand"]
    assert robots[GUIDE]["free"] == {key: robots[GUIDE]["at"][key] for key in ("level", "x", "y")} | {"radius": 0.9}
    others = [robot for name, robot in robots.items() if name != GUIDE]
    assert all(robot["free"] is None and not robot["is_by_hand"] for robot in others)


def test_live_sends_all_first_and_then_what_changed(
    client: TestClient, hall: MemoryOperations, clock: ManualClock
) -> None:
    with client.websocket_connect(LIVE) as socket:
        first = socket.receive_json()
        sections = {"robots", "routes", "traffic", "people", "tasks", "open_count", "building", "alarms"}
        assert set(first) == {"stamp", "is_fleet_online"} | sections
        client.post("/api/tasks", json=GUIDANCE)
        second = _next_with(socket, "tasks")
        assert "people" not in second
        assert [task["id"] for task in second["tasks"]] == ["task-1"]
        hall.put(TaskId("task-1"), TaskStatus.UNDERWAY, GUIDE, MissionPhase.LEADING)
        assert _next_with(socket, "tasks")["tasks"][0]["phase"] == "leading"
        still = socket.receive_json()  # nothing moves: only that the link lives
        assert set(still) == {"stamp"}


def test_live_serves_several_pages(client: TestClient, hall: MemoryOperations) -> None:
    with client.websocket_connect(LIVE) as one, client.websocket_connect(LIVE) as other:
        assert one.receive_json()["robots"] == other.receive_json()["robots"]
    with client.websocket_connect(LIVE) as again:
        assert again.receive_json()["robots"]


def test_live_ends_when_the_hall_cannot_be_seen_and_begins_again(clock: ManualClock) -> None:
    class Blind(MemoryOperations):
        is_blind = False

        def view(self) -> HallView:
            if self.is_blind:
                raise LinkError("no hall")
            return super().view()

    hall = Blind(small_site(), clock)
    app = create_app(hall, small_site())
    with TestClient(app, base_url="http://localhost") as client:
        hall.is_blind = True
        with pytest.raises((LinkError, WebSocketDisconnect)), client.websocket_connect(LIVE) as socket:
            socket.receive_json()
        hall.is_blind = False
        with client.websocket_connect(LIVE) as socket:
            assert socket.receive_json()["robots"]


def test_other_sites_cannot_command(client: TestClient, hall: MemoryOperations) -> None:
    for origin in ("http://evil.example", "http://127.0.0.1:9999", "null"):
        answer = client.post("/api/release_all", headers={"origin": origin})
        assert answer.status_code == 403
    assert client.post("/api/stop_all", headers={"origin": "http://127.0.0.1:8080"}).status_code == 200
    assert client.get("/api/view", headers={"host": "evil.example"}).status_code == 403
    assert client.get("/api/view", headers={"host": "localhost:8080"}).status_code == 200
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect(LIVE, headers={"origin": "http://evil.example"}),
    ):
        pass


def test_pages_load_nothing_from_elsewhere(client: TestClient) -> None:
    for path in ("/", "/docs", "/static/main.js"):
        answer = client.get(path)
        assert answer.status_code == 200
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert "https://" not in answer.text
    schema = client.get("/openapi.json").json()
    assert "/api/stop_all" in schema["paths"]
    assert "503" not in json.dumps(schema["paths"]["/api/site"])


def _next_with(socket: Any, section: str) -> dict[str, Any]:
    for _ in range(20):
        message: dict[str, Any] = socket.receive_json()
        if section in message:
            return message
    raise AssertionError(f"no message with {section}")
