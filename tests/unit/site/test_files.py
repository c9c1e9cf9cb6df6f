import contextlib
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_ops.core.errors import SiteError
from robot_ops.site.check import Severity, check_site
from robot_ops.site.files import load_site, read_site
from robot_ops.site.model import PlaceKind

HALL = Path(__file__).parents[3] / "sites" / "immigration_hall.yaml"

GOOD = """\
format: 1
name: small
levels:
  ground: {elevation: 0}
  upper: {elevation: 4}
nodes:
  ground: {a: [0, 0], b: [5, 0], home: [0, -2], rest: [5, -2], shop: [5, 2], lobby: [10, 0], cabin: [12, 0]}
  upper: {up_cabin: [12, 0], up_lobby: [10, 0], desk_node: [10, 2]}
lanes:
  - a - b
  - a - home
  - b - rest
  - b - shop
  - {way: b - lobby, door: gate, speed_limit: 0.5}
  - lobby - cabin
  - up_cabin - up_lobby
  - up_lobby - desk_node
places:
  home: {kind: charger, at: home, facing: -90, tag: 1, dock: 0.5}
  rest: {kind: waiting, at: rest, facing: 90}
  shop: {kind: counter, at: shop, facing: 90, label: The shop}
  desk: {kind: desk, at: desk_node, facing: 90, tag: 2, dock: 0.5}
doors:
  gate: {level: ground, from: [7, -1], to: [7, 1]}
lifts:
  lift: {stops: {ground: cabin, upper: up_cabin}, lobbies: {ground: lobby, upper: up_lobby}}
zones:
  line: {level: ground, kind: queue, corners: [[4, 3], [6, 3], [6, 5]]}
robot_models:
  cart: {kind: courier, radius: 0.35, max_speed: 1.2, max_acceleration: 0.5, max_yaw_rate: 1, compartments: [c1],
         battery_wh: 600, idle_w: 40, drive_w: 100, charge_w: 300}
robots:
  cart_1: {model: cart, charger: home, park: rest}
staff:
  clerk.ada: {name: Ada, at: desk}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "small.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_site_is_read_as_written(tmp_path: Path) -> None:
    site = load_site(write(tmp_path, GOOD))
    assert site.name == site.title == "small"
    assert site.lanes["b-lobby"].door == "gate"
    assert site.lanes["b-lobby"].speed_limit == 0.5
    assert site.lanes["a-b"].speed_limit == 1.0
    assert not site.lanes["a-b"].is_one_way
    assert site.places["shop"].label == "The shop"
    assert site.places["home"].kind is PlaceKind.CHARGER
    assert site.staff["clerk.ada"].place == "desk"
    assert not check_site(site)


def test_exchanges_and_the_levels_of_robots_are_read(tmp_path: Path) -> None:
    text = GOOD.replace("park: rest}", "park: rest, levels: [ground]}")
    text += "exchanges:\n  up: {drop: shop, pickup: desk, keeper: clerk.ada, seconds: 45}\n  here: {drop: shop}\n"
    site = load_site(write(tmp_path, text))
    assert site.robots["cart_1"].levels == {"ground"}
    assert not site.robots["cart_1"].may_go_to("upper")
    up, here = site.exchanges.values()
    assert (up.drop, up.pickup, up.keeper, up.seconds) == ("shop", "desk", "clerk.ada", 45.0)
    assert (here.drop, here.pickup, here.keeper, here.seconds) == ("shop", "shop", None, 0.0)
    assert not load_site(write(tmp_path, GOOD)).exchanges
    assert load_site(write(tmp_path, GOOD)).robots["cart_1"].levels is None


def test_floors_that_no_robot_changes_are_whole_with_robots_of_their_own(tmp_path: Path) -> None:
    without_lift = GOOD.replace("  - lobby - cabin\n  - up_cabin - up_lobby\n", "").replace(
        "lifts:\n  lift: {stops: {ground: cabin, upper: up_cabin}, lobbies: {ground: lobby, upper: up_lobby}}\n", ""
    )
    without_lift = without_lift.replace("desk_node: [10, 2]}", "desk_node: [10, 2], home_2: [10, -2], rest_2: [8, 0]}")
    without_lift = without_lift.replace(
        "  - up_lobby - desk_node\n", "  - home_2 - up_lobby - desk_node\n  - up_lobby - rest_2\n"
    )
    without_lift = without_lift.replace(
        "doors:\n",
        "  home_2: {kind: charger, at: home_2, facing: 90}\n  rest_2: {kind: waiting, at: rest_2, facing: 0}\ndoors:\n",
    )
    with pytest.raises(SiteError, match="no way leads there"):
        load_site(write(tmp_path, without_lift))
    above = without_lift.replace(
        "park: rest}\n", "park: rest}\n  cart_2: {model: cart, charger: home_2, park: rest_2, levels: [upper]}\n"
    )
    assert load_site(write(tmp_path, above)).robots["cart_2"].levels == {"upper"}


def test_dock_lies_ahead_of_the_node(tmp_path: Path) -> None:
    place = load_site(write(tmp_path, GOOD)).places["home"]
    assert place.yaw == pytest.approx(-math.pi / 2)
    assert place.dock is not None
    assert (place.dock.x, place.dock.y) == pytest.approx((0.0, -2.5))


def test_a_chain_of_one_way_lanes(tmp_path: Path) -> None:
    text = GOOD.replace("  - a - b\n  - a - home\n", "  - home > a > b > home\n")
    lanes = read_site(write(tmp_path, text)).site.lanes
    assert all(lanes[lane].is_one_way for lane in ("home-a", "a-b", "b-home"))
    assert not lanes["b-rest"].is_one_way


FAULTS = [
    ("format: 1", "format: 2", ":1, format", "only format 1"),
    ("name: small", "name: small\nlevles: {}", ":3, levles", "Did you mean 'levels'"),
    ("name: small\n", "", ":1", "'name' is missing"),
    ("a: [0, 0]", "a: [.nan, 0]", ":7, nodes.ground.a.0", "not a finite number"),
    ("a: [0, 0]", "a: [0]", ":7, nodes.ground.a", "expected [x, y]"),
    ("a: [0, 0]", "a: [0, zero]", ":7, nodes.ground.a.1", "expected a number"),
    ("b: [5, 0]", "a: [5, 0]", ":7, nodes.ground.a", "given twice"),
    ("upper: {up_cabin", "upper: {a: [3, 3], up_cabin", ":8, nodes.upper.a", "also on level 'ground'"),
    ("  - a - b\n", "  - a - bb\n", ":10, lanes.0", "no node 'bb'"),
    ("  - a - b\n", "  - a-b\n", ":10, lanes.0", "joins two or more nodes"),
    ("  - a - home\n", "  - b - a\n", ":11, lanes.1", "joined twice"),
    ("door: gate", "door: gates", ":14, lanes.4.door", "Did you mean 'gate'"),
    ("speed_limit: 0.5", "speed_limit: 0", ":14, lanes.4.speed_limit", "must be more than 0"),
    ("speed_limit: 0.5", "sped_limit: 0.5", ":14, lanes.4.sped_limit", "Did you mean 'speed_limit'"),
    ("kind: counter", "kind: countre", ":21, places.shop.kind", "Did you mean 'counter'"),
    ("facing: -90, tag: 1, dock: 0.5", "facing: -90, tag: 1", ":19, places.home", "'tag' and 'dock' go together"),
    ("tag: 1", "tag: 587", ":19, places.home.tag", "at most 586"),
    ("tag: 1", "tag: 1.5", ":19, places.home.tag", "not a whole number"),
    ("to: [7, 1]", "to: [7, -1]", ":24, doors.gate", "no width"),
    ("kind: queue", "kind: queues", ":28, zones.line.kind", "Did you mean 'queue'"),
    ("corners: [[4, 3], [6, 3], [6, 5]]", "corners: [[4, 3], [6, 3]]", ":28, zones.line.corners", "three corners"),
    ("radius: 0.35", "radius: -0.35", ":30, robot_models.cart.radius", "more than 0"),
    ("model: cart", "model: car", ":33, robots.cart_1.model", "Did you mean 'cart'"),
    ("  cart_1:", "  cart-1:", ":33, robots.cart-1", "cannot be an id"),
    ("at: desk}", "at: dsk}", ":35, staff.clerk.ada.at", "Did you mean 'desk'"),
    ("at: desk}", "at: desk}\nexchanges:\n  up: {drop: shp}", ":37, exchanges.up.drop", "Did you mean 'shop'"),
    ("at: desk}", "at: desk}\nexchanges:\n  up: {pickup: shop}", ":37, exchanges.up", "'drop' is missing"),
    ("at: desk}", "at: desk}\nexchanges:\n  up: {drop: shop, keeper: ad}", ":37, exchanges.up.keeper", "no member of"),
    ("at: desk}", "at: desk}\nexchanges:\n  up: {drop: shop, seconds: -1}", ":37, exchanges.up.seconds", "at least 0"),
    ("at: desk}", "at: desk}\nexchanges:\n  up: {drop: shop, second: 1}", ":37, exchanges.up.second", "'seconds'"),
    ("park: rest}", "park: rest, levels: [uppe]}", ":33, robots.cart_1.levels.0", "Did you mean 'upper'"),
    ("park: rest}", "park: rest, levels: []}", ":33, robots.cart_1.levels", "needs a level"),
    ("elevation: 0}", "elevation: 0, map: no.yaml}", ":4, levels.ground.map", "there is no file"),
    ("name: small", "name: [small", ":", "no valid YAML"),
]


@pytest.mark.parametrize(("old", "new", "where", "text"), FAULTS, ids=[fault[3] for fault in FAULTS])
def test_faults_are_told_with_line_field_and_mend(tmp_path: Path, old: str, new: str, where: str, text: str) -> None:
    assert old in GOOD
    path = write(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(SiteError) as raised:
        load_site(path)
    assert f"small.yaml{where}" in str(raised.value)
    assert text in str(raised.value)
    assert raised.value.mend


def test_errors_between_parts_tell_their_line(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD.replace("up_cabin: [12, 0]", "up_cabin: [12, 0.2]"))
    with pytest.raises(SiteError, match=r"small\.yaml:26, lifts\.lift: stops 'cabin' and 'up_cabin' are not above"):
        load_site(path)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match="cannot be read"):
        load_site(tmp_path / "none.yaml")


def test_text_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_bytes(b"name: \xff\xfe")
    with pytest.raises(SiteError, match="UTF-8"):
        load_site(path)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_damage_gives_a_site_or_an_input_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(GOOD) - 1))
    end = data.draw(st.integers(start, min(len(GOOD), start + 40)))
    text = GOOD[:start] + data.draw(st.text(st.sampled_from("ab: -[]{},>.0159\n\"'#&*!|\t"), max_size=6)) + GOOD[end:]
    path = write(tmp_path_factory.mktemp("site"), text)
    with contextlib.suppress(SiteError):
        check_site(read_site(path).site)


def test_in_the_immigration_hall_robots_wait_for_each_other_at_the_door_and_the_lift_only() -> None:
    site = load_site(HALL)
    findings = check_site(site)
    assert {finding.severity for finding in findings} == {Severity.NOTE}
    assert [finding.path for finding in findings] == ["lanes.nw45-door_out", "lanes.bw33-lift_hall_lobby"]
    assert len(site.places_of(PlaceKind.CHARGER)) == len(site.robots) == 7


@pytest.mark.parametrize(
    ("shifts", "message"),
    [
        ('["6-14"]', "'6-14' is no shift. Write \"06:00-14:30\""),
        ('["06:00-14:00", "13:00-15:00"]', "shifts overlap"),
        ('["22:00-06:00", "05:00-07:00"]', "shifts overlap"),
        ("[06:00-06:00]", "06:00"),
    ],
)
def test_shifts_that_cannot_be_are_refused(tmp_path: Path, shifts: str, message: str) -> None:
    text = GOOD.replace("park: rest}", f"park: rest, shifts: {shifts}}}")
    with pytest.raises(SiteError) as caught:
        read_site(write(tmp_path, text))
    assert message in str(caught.value)
    assert "small.yaml:" in str(caught.value)
