"""The console's page in a real Chromium, against the real server and a hall in memory."""

import math
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait

from robot_ops.console.app import create_app
from robot_ops.core.clock import SystemClock, to_ns
from robot_ops.core.ids import PersonId, RobotId, TaskId
from robot_ops.core.resources import shared_folder
from robot_ops.dispatch.ports import Alarm, PersonView
from robot_ops.site.files import load_site
from robot_ops.site.model import Lane, Site
from robot_ops.tasks.requests import DeliveryRequest
from robot_ops.tasks.status import TaskStatus
from robot_ops.testing.operations import MemoryOperations
from robot_ops.traffic.waits import Wait

CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,800",
)
ROBOTS = tuple(RobotId(name) for name in ("guide_1", "guide_2", "courier_1"))
PATIENCE = 20.0  # s; a busy machine is no reason to fail
EVIL = '<img src=x onerror="document.title=1"><script>document.title=1</script>'

pytestmark = pytest.mark.skipif(not (CHROMIUM.exists() and DRIVER.exists()), reason="Chromium is not installed")


class Server:
    """The console on a port of its own; it can go away and come back."""

    def __init__(self, hall: MemoryOperations, site: Site) -> None:
        self._app = create_app(hall, site)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        config = uvicorn.Config(
            self._app, host="127.0.0.1", port=self.port, log_level="warning", timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        pause = threading.Event()
        for _ in range(200):
            if self._server.started:
                return
            pause.wait(0.05)
        raise AssertionError("the server did not start")

    def stop(self) -> None:
        assert self._server is not None
        assert self._thread is not None
        self._server.should_exit = True
        self._thread.join(10.0)


class Page:
    """The console's page as a user handles it."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def find(self, css: str) -> WebElement:
        """The element, once the page shows it: what a click changes comes with the next state from the server."""
        self.wait(lambda: self.all(css))
        return self.all(css)[0]

    def all(self, css: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def click(self, css: str) -> None:
        """Click the element once it is shown, enabled and not about to be drawn anew."""

        def clicked() -> bool:
            element = self.find(css)
            if not (element.is_displayed() and element.is_enabled()):
                return False
            element.click()
            return True

        self.wait(clicked)

    def wait(self, condition: Any) -> None:
        WebDriverWait(self.driver, PATIENCE, poll_frequency=0.1, ignored_exceptions=(Exception,)).until(
            lambda _driver: condition()
        )

    def texts(self, css: str) -> list[str]:
        return [element.text for element in self.all(css)]

    def open_task_form(self, kind: str) -> None:
        self.click("#new-task")
        self.click(f"[data-kind={kind}]")

    def choose(self, name: str, value: str) -> None:
        Select(self.find(f"#task-form select[name={name}]")).select_by_value(value)


@pytest.fixture(scope="module")
def site() -> Site:
    return load_site(shared_folder("sites") / "immigration_hall.yaml")


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    yield driver
    driver.quit()


@pytest.fixture
def hall(site: Site) -> MemoryOperations:
    hall = MemoryOperations(site, SystemClock(), robots=ROBOTS)
    hall.people = [PersonView(level="hall", x=20.0, y=14.0), PersonView(level="office", x=36.0, y=31.0)]
    return hall


@pytest.fixture
def server(hall: MemoryOperations, site: Site) -> Iterator[Server]:
    server = Server(hall, site)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def page(driver: webdriver.Chrome, server: Server) -> Iterator[Page]:
    driver.get_log("browser")
    driver.get(server.url)
    page = Page(driver)
    page.wait(lambda: page.find("#main-map").get_attribute("data-robots") == " ".join(ROBOTS))
    yield page
    driver.get("about:blank")


def errors(page: Page) -> list[str]:
    return [entry["message"] for entry in page.driver.get_log("browser") if entry["level"] == "SEVERE"]


def test_the_map_shows_robots_and_people_on_their_levels(page: Page) -> None:
    hall_map, office_map = page.find("#main-map"), page.find("#side-map")
    page.wait(lambda: hall_map.get_attribute("data-people") == "1")
    assert office_map.get_attribute("data-people") == "1"
    assert office_map.get_attribute("data-robots") == ""
    assert "guide_1" in str(hall_map.get_attribute("aria-label"))
    page.click("[data-level=office]")
    page.wait(lambda: page.find("#side-map").get_attribute("data-robots") == " ".join(ROBOTS))
    assert page.find("#side-name").text.lower() == "hall"
    assert errors(page) == []


def test_the_map_is_drawn_and_can_be_moved(page: Page) -> None:
    picture = "return document.getElementById('main-map').toDataURL().length"
    page.wait(lambda: page.driver.execute_script(picture) > 10_000)
    before = page.driver.execute_script(picture)
    canvas = page.find("#main-map")
    canvas.send_keys("+", "+", Keys.ARROW_LEFT)
    page.wait(lambda: page.driver.execute_script(picture) != before)
    page.click("#zoom-fit")
    page.click("#zoom-in")


def test_nothing_is_cut_off_on_a_small_screen(page: Page) -> None:
    script = "return [document.documentElement.scrollWidth, innerWidth, document.body.scrollHeight, innerHeight]"
    width, inner_width, height, inner_height = page.driver.execute_script(script)
    assert width <= inner_width
    assert height <= inner_height
    stop = page.find("#stop-all").rect
    assert stop["x"] + stop["width"] <= inner_width


def test_a_task_goes_from_the_form_to_the_list_and_is_canceled(page: Page, hall: MemoryOperations) -> None:
    page.open_task_form("guide")
    page.choose("pickup", "kiosk_2")
    page.choose("destination", "counter_5")
    page.choose("language", "fr")
    page.click("#send-task")
    page.click("#close-task")
    page.wait(lambda: page.texts(".task .what") == ["Guide Kiosk 2 → Counter 5"])
    assert hall.tasks[TaskId("task-1")].request.pickup == "kiosk_2"
    page.click("[data-task=task-1] .cancel")
    page.click("#confirm-dialog button[value=yes]")
    page.wait(lambda: page.texts(".task") == [])
    page.click("#show-all")
    page.wait(lambda: page.texts(".task .status") == ["canceled"])
    assert errors(page) == []


def test_a_delivery_tells_its_codes_once(page: Page, hall: MemoryOperations) -> None:
    page.open_task_form("deliver")
    page.choose("sender", "clerk_ada")
    page.choose("recipient", "officer_ines")
    page.find("[name=document]").send_keys("Visa application")
    page.click("#send-task")
    page.wait(lambda: page.find("#sender-code").text == "482913")
    assert page.find("#recipient-code").text == "705126"
    request = hall.tasks[TaskId("task-1")].request
    assert (request.pickup, request.destination) == ("counter_1", "desk_3")
    page.click("#close-task")
    assert "482913" not in page.driver.page_source.replace(
        page.find("#task-dialog").get_attribute("outerHTML") or "", ""
    )
    page.click("#new-task")
    assert "482913" not in page.driver.page_source


def test_a_stranded_document_is_handed_over(page: Page, hall: MemoryOperations) -> None:
    page.open_task_form("deliver")
    page.choose("sender", "clerk_ada")
    page.choose("recipient", "officer_ines")
    page.find("[name=document]").send_keys("Visa application")
    page.click("#send-task")
    page.click("#close-task")
    assert not page.find("[data-task=task-1] .hand-over").is_displayed()
    hall.strand(TaskId("task-1"))
    page.click("[data-task=task-1] .hand-over")
    Select(page.find("#hand-over-form select")).select_by_value("clerk_ben")
    page.click("#send-hand-over")
    page.wait(lambda: page.find("#custodian-code").text == "318842")
    page.wait(lambda: "clerk_ben takes the document out" in page.find("[data-task=task-1] .more").text)
    page.click("#hand-over-dialog button")
    assert errors(page) == []


def test_a_keeper_is_told_their_code_again_and_again(page: Page, hall: MemoryOperations, site: Site) -> None:
    task_id = hall.submit(a_delivery(site)).task_id
    row = f"[data-task={task_id}]"
    page.wait(lambda: page.find(f"{row} .cancel").is_displayed())
    assert not page.find(f"{row} .keeper-code").is_displayed()
    hall.bring_to_keeper(task_id, PersonId("clerk_ben"))
    for _ in range(2):
        page.click(f"{row} .keeper-code")
        page.wait(lambda: page.find("#custodian-code").text == "318842")
        page.click("#hand-over-dialog button")
    assert errors(page) == []


def test_a_document_is_said_to_be_taken_out_by_key(page: Page, hall: MemoryOperations, site: Site) -> None:
    task_id = hall.submit(a_delivery(site)).task_id
    row = f"[data-task={task_id}]"
    assert not page.find(f"{row} .by-key").is_displayed()
    hall.strand(task_id)
    page.click(f"{row} .by-key")
    assert "opened courier_1 with a key" in page.find("#hand-over-form").text
    Select(page.find("#hand-over-form select")).select_by_value("clerk_ben")
    hall.is_fleet_online = False
    page.click("#send-hand-over")
    page.wait(lambda: "did not answer" in page.find("#hand-over-form .problem").text)
    hall.is_fleet_online = True
    page.click("#send-hand-over")
    page.wait(lambda: page.find("#custodian-code").text == "318842")
    assert hall.keys_used == [(task_id, "clerk_ben", "console")]
    page.click("#hand-over-dialog button")
    page.wait(lambda: not page.find(f"{row} .by-key").is_displayed())
    assert all("503" in error for error in errors(page))


def test_a_task_that_is_late_is_marked_and_tells_why_it_has_its_robot(
    page: Page, hall: MemoryOperations, site: Site
) -> None:
    task_id = hall.submit(a_delivery(site)).task_id
    when = f"[data-task={task_id}] .when"
    page.wait(lambda: "promised" in page.find(when).text)
    assert "late" not in str(page.find(when).get_attribute("class"))
    promised_ns = hall.tasks[task_id].promised_ns
    assert promised_ns is not None
    hall.tasks[task_id] = replace(hall.tasks[task_id], estimated_finish_ns=promised_ns + to_ns(150.0))
    page.wait(lambda: page.find(when).text.endswith("3 min late"))
    assert page.find(when).get_attribute("class") == "when late"
    assert hall.explained == []  # nobody has asked yet
    page.click(f"[data-task={task_id}] .about")
    page.wait(lambda: "guide_1 does it next" in page.find("#task-details .why").text)
    assert hall.explained == [task_id]
    table = page.texts(".options tbody tr")
    assert table == [
        "guide_1 41 s 3 min the choice",
        "guide_2 75 s 3 min, 12 s late 34 s more",
        "courier_1 cannot: has no screen",
    ]
    page.click("#stop-all")  # stays within reach
    page.wait(lambda: len(hall.stopped) == len(ROBOTS))
    hall.tasks[task_id] = replace(
        hall.tasks[task_id], status=TaskStatus.CANCELED, finished_ns=promised_ns, reason="no need"
    )
    page.wait(lambda: "no need" in page.find("#task-details .facts").text)
    page.click("#task-details .close")
    assert not page.find("#task-details").is_displayed()
    assert errors(page) == []


def test_more_tasks_than_are_listed_are_counted(page: Page, hall: MemoryOperations, site: Site) -> None:
    hall.submit(a_delivery(site))
    hall.open_count = 9001
    page.wait(lambda: page.find("#more-tasks").text == "9000 more wait for a robot.")
    assert page.find("#counts").text.endswith("9001 open tasks")
    hall.open_count = 1
    page.wait(lambda: not page.find("#more-tasks").is_displayed())


def a_delivery(site: Site) -> DeliveryRequest:
    sender, recipient = site.staff[PersonId("clerk_ada")], site.staff[PersonId("officer_ines")]
    return DeliveryRequest(
        request_id="d1",
        pickup=sender.place,
        destination=recipient.place,
        sender=sender.id,
        recipient=recipient.id,
        document="Visa application",
    )


def test_a_silent_robot_is_said_to_be_taken_out_and_brought_back(page: Page, hall: MemoryOperations) -> None:
    page.click("[data-robot=guide_2]")
    assert not page.find("#take-out").is_displayed()
    hall.silent.add(RobotId("guide_2"))
    page.click("#take-out")
    page.click("#confirm-dialog button[value=yes]")
    page.wait(lambda: hall.rules.absent_robots == {"guide_2"})
    page.wait(lambda: page.find("#detail .badge").text == "taken out of the hall")
    page.wait(lambda: page.find("[data-robot=guide_2] .state").text == "taken out of the hall")
    page.click("#bring-back")
    page.click("#confirm-dialog button[value=yes]")
    page.wait(lambda: not hall.rules.absent_robots)
    assert errors(page) == []


def test_what_is_wrong_with_a_task_is_told_in_the_form(page: Page, hall: MemoryOperations) -> None:
    page.open_task_form("deliver")
    page.choose("sender", "clerk_ada")
    page.choose("recipient", "clerk_ada")
    page.find("[name=document]").send_keys("Visa")
    page.click("#send-task")
    page.wait(lambda: "same place" in page.find("#task-form .problem").text)
    assert page.find("[name=document]").get_attribute("value") == "Visa"
    hall.is_fleet_online = False
    page.choose("recipient", "officer_ines")
    page.click("#send-task")
    page.wait(lambda: "did not answer" in page.find("#task-form .problem").text)
    assert not hall.tasks


def test_markup_in_texts_stays_text(page: Page, hall: MemoryOperations, site: Site) -> None:
    staff = list(site.staff.values())
    hall.submit(
        DeliveryRequest(
            request_id="evil",
            pickup=staff[0].place,
            destination=staff[7].place,
            sender=staff[0].id,
            recipient=staff[7].id,
            document=EVIL,
        )
    )
    hall.alarms = [Alarm(alarm_id="a", severity="error", text=EVIL, robot=ROBOTS[0], since_ns=0)]
    page.wait(lambda: EVIL in page.find(".task .more").get_attribute("textContent"))
    page.wait(lambda: EVIL in page.find(".alarm").text)
    assert page.all(".task img, .alarm img, .task script, .alarm script") == []
    assert page.driver.title != "1"


def test_one_robot_is_stopped_and_released(page: Page, hall: MemoryOperations) -> None:
    operator = page.find("#operator")
    operator.send_keys(Keys.CONTROL, "a")
    operator.send_keys(Keys.NULL, "nora", Keys.TAB)
    page.click("[data-robot=guide_2]")
    page.wait(lambda: page.find("#stop-robot").get_attribute("aria-label") == "Stop guide_2")
    page.click("#stop-robot")
    page.wait(lambda: page.find("[data-robot=guide_2] .state").text == "stopped by nora")
    assert hall.stopped == {"guide_2": "nora"}
    page.click("#release-robot")
    page.wait(lambda: hall.stopped == {})
    page.wait(lambda: page.find("[data-robot=guide_2] .state").text == "idle")


def test_all_robots_are_stopped_at_once_and_released_after_a_question(page: Page, hall: MemoryOperations) -> None:
    hall.unreachable = {ROBOTS[2]}
    page.click("#stop-all")
    page.wait(lambda: "NOT confirmed by courier_1" in page.find(".notice.bad").text)
    assert set(hall.stopped) == {"guide_1", "guide_2"}
    hall.unreachable = set()
    page.click("#stop-all")
    page.wait(lambda: set(hall.stopped) == set(ROBOTS))
    page.click("#release-all")
    page.click("#confirm-dialog button[value=no]")
    assert set(hall.stopped) == set(ROBOTS)
    page.click("#release-all")
    page.click("#confirm-dialog button[value=yes]")
    page.wait(lambda: hall.stopped == {})


def test_robots_that_are_driven_by_hand_or_off_the_lanes_are_seen(page: Page, hall: MemoryOperations) -> None:
    hall.free = {ROBOTS[0]: (0.9, True), ROBOTS[1]: (0.6, False)}
    page.wait(lambda: page.find("#main-map").get_attribute("data-free") == "guide_1 guide_2")
    page.wait(lambda: page.find("[data-robot=guide_1] .state").text == "driven by hand")
    page.wait(lambda: page.find("[data-robot=guide_2] .state").text == "off the lanes")
    page.click("[data-robot=guide_1]")
    page.wait(lambda: page.find("#detail .badge").text == "driven by hand")
    assert "not on the lanes: guide_1, guide_2" in str(page.find("#main-map").get_attribute("aria-label"))
    hall.free = {}
    page.wait(lambda: page.find("#main-map").get_attribute("data-free") == "")


def test_who_waits_for_whom_is_drawn_listed_and_told(page: Page, hall: MemoryOperations) -> None:
    hall.stopped = dict.fromkeys(ROBOTS, "nora")
    text = "guide_2 waits for guide_1 at n7"
    hall.waits = [Wait(robot=ROBOTS[1], waits_for=(ROBOTS[0],), text=text, since_ns=SystemClock().now_ns())]
    page.wait(lambda: page.texts(".wait .who") == ["guide_2 → guide_1"])
    assert page.find("#main-map").get_attribute("data-waits") == "guide_2>guide_1"
    assert "guide_2 for guide_1" in str(page.find("#main-map").get_attribute("aria-label"))
    page.click("[data-wait=guide_2]")
    page.wait(lambda: any(text in fact for fact in page.texts(".facts dd")))
    assert page.find("[data-robot=guide_2]").get_attribute("aria-pressed") == "true"
    hall.waits = []
    page.wait(lambda: page.texts("#traffic-list") == ["Nobody waits."])
    page.wait(lambda: page.find("#main-map").get_attribute("data-waits") == "")
    assert errors(page) == []


def test_an_emergency_is_declared_after_a_question_and_cannot_be_overlooked(page: Page, hall: MemoryOperations) -> None:
    page.click("#emergency")
    page.click("#confirm-dialog button[value=no]")
    assert not hall.rules.is_emergency
    page.click("#emergency")
    page.click("#confirm-dialog button[value=yes]")
    page.wait(lambda: page.find("#emergency-banner").is_displayed())
    assert hall.rules.is_emergency
    assert "EMERGENCY" in page.find("#emergency-banner").text
    assert not page.find("#emergency").is_displayed()
    page.click("#end-emergency")
    page.click("#confirm-dialog button[value=no]")
    assert hall.rules.is_emergency
    hall.is_fleet_online = False
    page.click("#end-emergency")
    page.click("#confirm-dialog button[value=yes]")
    page.wait(lambda: "Nothing was changed" in page.find(".notice.bad").text)
    assert page.find("#emergency-banner").is_displayed()
    hall.is_fleet_online = True
    page.click("#end-emergency")
    page.click("#confirm-dialog button[value=yes]")
    page.wait(lambda: not page.find("#emergency-banner").is_displayed())
    assert not hall.rules.is_emergency


def test_a_lane_is_closed_by_a_click_and_opened_in_the_list(page: Page, hall: MemoryOperations, site: Site) -> None:
    lane = max((lane for lane in site.lanes.values() if site.nodes[lane.start].level == "hall"), key=_length(site))
    start, end = site.nodes[lane.start], site.nodes[lane.end]

    def click_lane() -> None:
        scale, x, y = map(float, str(page.find("#main-map").get_attribute("data-view")).split())
        offset = (((start.x + end.x) / 2 - x) * scale, (y - (start.y + end.y) / 2) * scale)  # from the canvas' center
        mouse = ActionChains(page.driver)
        mouse.move_to_element_with_offset(page.find("#main-map"), round(offset[0]), round(offset[1])).click().perform()

    click_lane()  # lanes are not edited yet
    assert not page.find("#confirm-dialog").is_displayed()
    page.click("#edit-lanes")
    click_lane()
    page.wait(lambda: page.find("#confirm-text").text.startswith("Close lane "))
    page.click("#confirm-dialog button[value=yes]")
    page.wait(lambda: len(hall.rules.closed_lanes) == 1)
    (closed,) = hall.rules.closed_lanes
    page.wait(lambda: page.find("#main-map").get_attribute("data-closed") == closed)
    page.click("[data-rule] button")
    page.click("#confirm-dialog button[value=yes]")
    page.wait(lambda: not hall.rules.closed_lanes)
    page.wait(lambda: page.find("#main-map").get_attribute("data-closed") == "")
    page.click("#edit-lanes")
    assert errors(page) == []


def _length(site: Site) -> Callable[[Lane], float]:
    return lambda lane: math.dist(
        (site.nodes[lane.start].x, site.nodes[lane.start].y), (site.nodes[lane.end].x, site.nodes[lane.end].y)
    )


def test_a_robot_is_shown_in_detail(page: Page) -> None:
    page.click("[data-robot=courier_1]")
    page.wait(lambda: page.find(".camera img").get_property("naturalWidth") == 320)
    assert "Cargo" in page.texts(".facts dt")
    assert page.texts("[data-camera]") == ["front", "compartment"]
    page.wait(lambda: "Drive to the counter" in page.texts(".tree .node"))
    page.click("[data-camera=compartment]")
    page.wait(lambda: page.find(".camera img").is_displayed())


def test_a_camera_without_a_picture_says_so(
    page: Page, hall: MemoryOperations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hall, "camera_jpeg", lambda robot, camera: None)
    page.click("[data-robot=courier_1]")
    page.wait(lambda: page.find(".camera").text == "no picture")
    assert not page.find(".camera img").is_displayed()
    assert errors(page) == []


def test_a_lost_server_is_told_and_found_again(page: Page, server: Server, hall: MemoryOperations) -> None:
    assert not page.find("#banner").is_displayed()
    server.stop()
    page.wait(lambda: "Connection to the console server lost" in page.find("#banner").text)
    page.click("#stop-all")
    page.wait(lambda: "does not answer" in page.find(".notice.bad").text)
    server.start()
    page.wait(lambda: not page.find("#banner").is_displayed())
    hall.is_fleet_online = False
    page.wait(lambda: page.find("#fleet-badge").text == "fleet offline")


def test_the_page_of_the_api_lists_its_calls(driver: webdriver.Chrome, server: Server) -> None:
    driver.get_log("browser")
    driver.get(f"{server.url}docs")
    page = Page(driver)
    page.wait(lambda: "/api/stop_all" in page.texts("#calls code"))
    assert errors(page) == []
