from pathlib import Path

import pytest

from robot_ops.site.check import Severity, check_site
from robot_ops.site.files import read_site
from tests.unit.site.test_files import GOOD, write

RELAY = "exchanges:\n  up: {drop: shop, pickup: desk, keeper: clerk.ada, seconds: 60}"
CASES = [
    ("b: [5, 0]", "b: [0, 0]", "error", "lanes.a-b", "no length"),
    ("  - a - b\n", "  - a - desk_node\n", "error", "lanes.a-desk_node", "joins level 'ground' with level 'upper'"),
    ("  - up_lobby - desk_node\n", "  - desk_node > up_lobby\n", "error", "places.desk", "no way leads there"),
    ("  - up_lobby - desk_node\n", "  - up_lobby > desk_node\n", "error", "places.desk", "no way leads from there"),
    ("elevation: 4", "elevation: 0.0", "error", "levels", "2 levels have the elevation"),
    ("home: [0, -2]", "home: [0, -0.5]", "error", "nodes.a", "would touch"),
    ("shop: [5, 2]", "shop: [-2, -1]", "error", "lanes.a-home", "crosses lane 'b-shop'"),
    ("home: [0, -2]", "home: [3, 0.1]", "error", "lanes.a-b", "runs over node 'home'"),
    ("from: [7, -1], to: [7, 1]", "from: [7, 1], to: [7, 3]", "error", "lanes.b-lobby", "does not pass through it"),
    (", door: gate", "", "error", "lanes.b-lobby", "without naming it"),
    (", door: gate", "", "warning", "doors.gate", "no lane passes"),
    ("up_cabin: [12, 0]", "up_cabin: [12, 1]", "error", "lifts.lift", "not above each other"),
    ("lobbies: {ground: lobby, ", "lobbies: {", "error", "lifts.lift", "a stop and a lobby"),
    ("  - lobby - cabin\n", "  - lobby - cabin\n  - shop - cabin\n", "error", "lifts.lift", "joined with 'lobby' only"),
    ("park: rest", "park: shop", "error", "robots.cart_1", "is a counter, no waiting spot"),
    ("charger: home", "charger: shop", "error", "robots.cart_1", "is a counter, no charger"),
    ("at: rest,", "at: b,", "error", "places.rest", "through route"),
    ("at: shop,", "at: b,", "warning", "places.shop", "through route"),
    ("at: rest,", "at: home,", "error", "places.rest", "also serves place 'home'"),
    ("at: shop,", "at: lobby,", "error", "places.shop", "lift or its lobby"),
    ("tag: 2", "tag: 1", "error", "places.desk", "tag 1 is also at 'home'"),
    ("charge_w: 300", "charge_w: 40", "error", "robot_models.cart", "never fills"),
    ("battery_wh: 600", "battery_wh: 60", "error", "robot_models.cart", "26 minutes"),
    ("battery_wh: 600", "battery_wh: 200", "warning", "robot_models.cart", "1.4 hours"),
    ("compartments: [c1],", "compartments: [],", "error", "robot_models.cart", "needs a compartment"),
    ("name: Ada, at: desk", "name: Ada, at: rest", "error", "staff.clerk.ada", "nobody works"),
    ("[[4, 3], [6, 3], [6, 5]]", "[[4, 3], [6, 5], [6, 3], [4, 5]]", "error", "zones.line", "crosses itself"),
    ("name: small", "name: small\nworld: none.sdf", "warning", "world", "no file none.sdf"),
    ("park: rest}", "park: rest, levels: [upper]}", "error", "robots.cart_1", "'home' is on 'ground', where it never"),
    (
        "park: rest}",
        "park: rest, levels: [upper, ground]}\n  cart_2: {model: cart, charger: home, park: rest, levels: [upper]}",
        "error",
        "robots.cart_2",
        "its charger 'home' is on 'ground'",
    ),
    ("at: desk}", "at: desk}\nexchanges:\n  up: {drop: home}", "error", "exchanges.up", "'home' is a charger"),
    ("at: desk}", "at: desk}\nexchanges:\n  up: {drop: rest}", "error", "exchanges.up", "the waiting spot of 'cart_1'"),
    ("at: desk}", "at: desk}\nexchanges:\n  up: {drop: shop, pickup: desk}", "error", "exchanges.up", "takes no time"),
    (
        "park: rest}\nstaff:\n  clerk.ada: {name: Ada, at: desk}",
        f"park: rest, levels: [ground]}}\nstaff:\n  clerk.ada: {{name: Ada, at: desk}}\n{RELAY}",
        "warning",
        "exchanges.up",
        "no courier takes anybody on at 'desk'",
    ),
    (
        "  cart_1: {model: cart, charger: home, park: rest}",
        "  cart_1: {model: cart, charger: home, park: rest}\n  cart_2: {model: cart, charger: home, park: rest}",
        "error",
        "robots.cart_2",
        "also belongs to 'cart_1'",
    ),
]


@pytest.mark.parametrize(("old", "new", "severity", "path", "text"), CASES, ids=[case[4] for case in CASES])
def test_what_does_not_fit_is_found(tmp_path: Path, old: str, new: str, severity: str, path: str, text: str) -> None:
    assert old in GOOD
    findings = check_site(read_site(write(tmp_path, GOOD.replace(old, new, 1))).site)
    matching = [finding for finding in findings if finding.path == path and text in finding.text]
    assert matching, findings
    assert matching[0].severity == severity
    assert matching[0].mend


def test_errors_come_first(tmp_path: Path) -> None:
    text = GOOD.replace("at: shop,", "at: b,").replace("tag: 2", "tag: 1")
    findings = check_site(read_site(write(tmp_path, text)).site)
    assert [finding.severity for finding in findings] == [Severity.ERROR, Severity.WARNING]


def test_findings_tell_where_on_the_map(tmp_path: Path) -> None:
    (finding,) = check_site(read_site(write(tmp_path, GOOD.replace("tag: 2", "tag: 1"))).site)
    assert (finding.level, finding.x, finding.y) == ("upper", 10.0, 2.0)


@pytest.mark.parametrize(("levels", "severity"), [("ground", "error"), ("ground, upper", None)])
def test_a_robot_gets_everywhere_on_its_levels_without_leaving_them(
    tmp_path: Path, levels: str, severity: str | None
) -> None:
    """The ground floor falls into two halves that are joined by two lifts only."""
    changes = (
        ("upper: {up_cabin", "upper: {up_east: [17, 0], up_out: [15, 0], up_cabin"),
        ("shop: [5, 2],", "shop: [5, 2], out: [15, 0], east: [17, 0], far: [15, 4],"),
        ("  - lobby - cabin\n", "  - lobby - cabin\n  - east - out\n  - out - far\n  - up_east - up_out\n"),
        ("  - up_lobby - desk_node\n", "  - up_lobby - desk_node\n  - up_lobby - up_out\n"),
        ("{kind: waiting, at: rest,", "{kind: waiting, at: far,"),
        ("zones:", "  second: {stops: {ground: east, upper: up_east}, lobbies: {ground: out, upper: up_out}}\nzones:"),
        ("park: rest}", f"park: rest, levels: [{levels}]}}"),
    )
    text = GOOD
    for old, new in changes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    found = [finding for finding in check_site(read_site(write(tmp_path, text)).site) if "by way of" in finding.text]
    assert [finding.severity for finding in found] == ([] if severity is None else [severity])
