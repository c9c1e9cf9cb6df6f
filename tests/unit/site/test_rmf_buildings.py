import contextlib
import math
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_ops.core.errors import SiteError
from robot_ops.site.check import Severity, check_site
from robot_ops.site.files import SiteFile, read_site
from robot_ops.site.model import PlaceKind
from robot_ops.site.rmf_alignment import similarity
from robot_ops.site.rmf_buildings import read_building, read_map
from robot_ops.site.writing import write_site

# Two levels drawn at different scales (0.1 and 0.05 m per pixel), the upper one turned by 90 degrees: a corridor from a
# charger through a door to a lift, and upstairs a room.
GOOD = """\
name: two floors
levels:
  L1:
    elevation: 0
    drawing: {filename: L1.png}
    fiducials:
      - [0, 0, a]
      - [100, 0, b]
      - [100, 50, c]
    doors:
      - [9, 10, {name: [1, gate], type: [1, sliding]}]
      - [11, 12, {name: [1, far]}]
    lanes:
      - [0, 1, {bidirectional: [4, true], graph_idx: [2, 0], orientation: [1, ""], speed_limit: [3, 0]}]
      - [1, 2, {bidirectional: [4, true], graph_idx: [2, 0], speed_limit: [3, 0.5], mutex: [1, m]}]
      - [2, 3, {bidirectional: [4, true], graph_idx: [2, 0]}]
      - [1, 4, {bidirectional: [4, true], graph_idx: [2, 0]}]
      - [1, 5, {bidirectional: [4, true], graph_idx: [2, 0]}]
      - [5, 6, {bidirectional: [4, false], graph_idx: [2, 0]}]
      - [7, 8, {bidirectional: [4, true], graph_idx: [2, 3]}]
    measurements:
      - [9, 10, {distance: [3, 4]}]
    vertices:
      - [10, 100, 0, home, {is_charger: [4, true], is_parking_spot: [4, true]}]
      - [40, 100, 0, ""]
      - [90, 100, 0, ""]
      - [120, 100, 0, "", {lift_cabin: [1, Lift]}]
      - [40, 70, 0, park, {is_parking_spot: [4, true]}]
      - [40, 130, 0, Check-in 1]
      - [40.05, 130, 0, ""]
      - [0, 200, 0, elsewhere]
      - [50, 200, 0, ""]
      - [60, 80, 0, ""]
      - [60, 120, 0, ""]
      - [0, 300, 0, ""]
      - [50, 300, 0, ""]
    walls: []
  L2:
    elevation: 5
    fiducials:
      - [0, 0, a]
      - [0, 200, b]
      - [-100, 200, c]
    lanes:
      - [0, 1, {bidirectional: [4, true], graph_idx: [2, 0]}]
      - [1, 2, {bidirectional: [4, true], graph_idx: [2, 0]}]
    vertices:
      - [-200, 240.6, 0, "", {lift_cabin: [1, Lift]}]
      - [-200, 180, 0, ""]
      - [-200, 120, 0, home]
lifts:
  Lift: {depth: 2, width: 2, x: 120, y: 100, yaw: 0, reference_floor_name: L1, highest_floor: L2, lowest_floor: L1,
         initial_floor_name: L1, level_doors: {L1: [d], L2: [d]}, doors: {d: {door_type: 2, width: 1, x: 0, y: 1}}}
"""


def write(folder: Path, text: str, name: str = "two.building.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def building(tmp_path: Path) -> SiteFile:
    return read_building(write(tmp_path, GOOD), 0)


def test_positions_are_meters_with_y_up_and_levels_above_each_other(building: SiteFile) -> None:
    nodes = building.site.nodes
    assert (nodes["home"].x, nodes["home"].y) == pytest.approx((1.0, -10.0))
    assert (nodes["L1_3"].x, nodes["L1_3"].y) == pytest.approx((12.0, -10.0))
    assert (nodes["L2_1"].x, nodes["L2_1"].y) == pytest.approx((9.0, -10.0))
    assert building.site.levels["L2"].elevation == 5.0


def test_lanes_keep_direction_speed_and_door(building: SiteFile) -> None:
    lanes = building.site.lanes
    assert lanes["L1_1-L1_2"].door == "gate"
    assert lanes["L1_1-L1_2"].speed_limit == 0.5
    assert lanes["home-L1_1"].speed_limit == 1.2
    assert not lanes["home-L1_1"].is_one_way
    assert list(building.site.doors) == ["gate"]
    assert building.site.doors["gate"].start == pytest.approx((6.0, -8.0))


def test_lifts_join_the_cabins_of_all_levels(building: SiteFile) -> None:
    (lift,) = building.site.lifts.values()
    assert lift.stops == {"L1": "L1_3", "L2": "L2_0"}
    assert lift.lobbies == {"L1": "L1_2", "L2": "L2_1"}
    cabins = [building.site.nodes[node] for node in lift.stops.values()]
    assert {(cabin.x, cabin.y) for cabin in cabins} == {(12.0, -10.0)}


def test_named_vertices_are_places(building: SiteFile) -> None:
    places = building.site.places
    assert places["home"].kind is PlaceKind.CHARGER
    assert places["park"].kind is PlaceKind.WAITING
    assert places["park"].yaw == pytest.approx(math.pi / 2)
    assert (places["Check_in_1"].kind, places["Check_in_1"].label) == (PlaceKind.COUNTER, "Check-in 1")
    assert places["home_L2"].label == "home"
    assert "elsewhere" not in places


def test_what_was_left_out_or_changed_is_noted(building: SiteFile) -> None:
    notes = "\n".join(building.notes)
    for expected in (
        "graph 0 was read; the map's graphs are 0 (8 lanes), 3 (1 lanes)",
        "1 lanes shorter than 1 cm were made one node each: 5-6 on 'L1' (5.0 mm)",
        "'Check-in 1' on 'L1' to 'Check_in_1'",
        "1 doors of level 'L1' were left out",
        "1 lanes give a mutex group",
        "cabin 'L2_0' of lift 'Lift' was moved by 0.03 m",
    ):
        assert expected in notes
    assert "orientation" not in notes


def test_the_written_site_is_read_back_as_the_same(building: SiteFile, tmp_path: Path) -> None:
    write_site(building.site, tmp_path / "site.yaml", notes=building.notes)
    assert read_site(tmp_path / "site.yaml").site == building.site


def test_findings_tell_the_line_of_the_map(tmp_path: Path) -> None:
    parsed = read_building(write(tmp_path, GOOD.replace("[40, 70, 0, park", "[40, 95, 0, park")), 0)
    errors = [finding for finding in check_site(parsed.site) if finding.severity is Severity.ERROR]
    wheres = {parsed.where(finding.path) for finding in errors}
    assert any("two.building.yaml:25" in where for where in wheres), wheres


def test_robots_stand_on_chargers(tmp_path: Path) -> None:
    site = read_building(write(tmp_path, GOOD), 0, 1, radius=0.25).site
    robot = site.robots["robot_1"]
    assert (robot.charger, robot.park, robot.model.radius) == ("home", "park", 0.25)
    with pytest.raises(SiteError, match="1 chargers for 2 robots"):
        read_building(write(tmp_path, GOOD), 0, 2)


def test_the_graph_can_be_chosen(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    assert set(read_map(path, graph_index=3).site.nodes) == {"elsewhere", "L1_8"}
    assert len(read_map(path).site.lanes) == 7
    with pytest.raises(SiteError, match=r"graph 1 has no lanes. The map's graphs are 0 \(8 lanes\), 3 \(1 lanes\)"):
        read_map(path, graph_index=1)


def test_a_lane_through_two_doors_is_split(tmp_path: Path) -> None:
    text = GOOD.replace("[11, 12, {name: [1, far]}]", "[11, 12, {name: [1, far]}]").replace(
        '      - [0, 300, 0, ""]\n      - [50, 300, 0, ""]', '      - [80, 80, 0, ""]\n      - [80, 120, 0, ""]'
    )
    site = read_building(write(tmp_path, text), 0).site
    assert site.lanes["L1_1-L1_1_L1_2_1"].door == "gate"
    assert site.lanes["L1_1_L1_2_1-L1_2"].door == "far"
    assert site.nodes["L1_1_L1_2_1"].x == pytest.approx(7.0)


def test_a_lane_drawn_once_each_way_goes_both_ways(tmp_path: Path) -> None:
    one_way = "{bidirectional: [4, false], graph_idx: [2, 0]}"
    old = "      - [1, 4, {bidirectional: [4, true], graph_idx: [2, 0]}]\n"
    assert old in GOOD
    twice = GOOD.replace(old, f"      - [1, 4, {one_way}]\n      - [4, 1, {one_way}]\n")
    once = GOOD.replace(old, f"      - [1, 4, {one_way}]\n      - [1, 4, {one_way}]\n")
    assert not read_building(write(tmp_path, twice), 0).site.lanes["L1_1-park"].is_one_way
    assert read_building(write(tmp_path, once), 0).site.lanes["L1_1-park"].is_one_way


def test_meters_stay_meters(tmp_path: Path) -> None:
    text = textwrap.dedent("""\
        coordinate_system: cartesian_meters
        name: plain
        levels:
          L1:
            lanes: [[0, 1, {}]]
            vertices: [[1, 2, 0, a], [5, 4]]
        """)
    site = read_building(write(tmp_path, text)).site
    assert [(node.x, node.y) for node in site.nodes.values()] == [(1.0, 2.0), (5.0, 4.0)]
    assert site.lanes["a-L1_1"].is_one_way


@pytest.mark.parametrize(
    ("system", "a", "b"),
    [
        ("wgs84", (11.0, 48.0), (11.001, 48.001)),
        # the same two points on the 256 x 256 world map
        ("web_mercator", (135.8222222222, 88.9892904101), (135.8229333333, 88.9882276609)),
    ],
)
def test_geographic_maps_become_meters_around_their_middle(
    tmp_path: Path, system: str, a: tuple[float, float], b: tuple[float, float]
) -> None:
    text = (
        f"name: campus\ncoordinate_system: {system}\nlevels:\n  L1:\n    lanes: [[0, 1, {{}}]]\n"
        f"    vertices: [[{a[0]}, {a[1]}, 0, a], [{b[0]}, {b[1]}, 0, b]]\n"
    )
    parsed = read_building(write(tmp_path, text))
    first, second = parsed.site.nodes["a"], parsed.site.nodes["b"]
    # 0.001 degrees at 48 degrees north on WGS84: 74.627 m of longitude, 111.199 m of latitude
    assert second.x - first.x == pytest.approx(74.627, abs=0.05)
    assert second.y - first.y == pytest.approx(111.199, abs=0.05)
    assert first.x + second.x == pytest.approx(0.0, abs=1e-3)
    assert any("11.0005" in note for note in parsed.notes)


FAULTS = [
    ("name: two floors\nlevels:", "name: [two", ":", "no valid YAML"),
    ("levels:\n", "storeys:\n", ":1", "no building map"),
    ("[2, 3, {bidirectional", "[2, 33, {bidirectional", ":16, levels.L1.lanes.2.1", "no vertex 33"),
    ("[2, 3, {bidirectional", "[2, -1, {bidirectional", ":16, levels.L1.lanes.2.1", "no vertex -1"),
    ("[2, 3, {bidirectional", "[2, 2, {bidirectional", ":16, levels.L1.lanes.2", "no length"),
    ('[120, 100, 0, "", {', '[90, 100, 0, "", {', ":16, levels.L1.lanes.2", "no length"),
    ('[40, 100, 0, ""]', '[.nan, 100, 0, ""]', ":25, levels.L1.vertices.1.0", "not a finite number"),
    ('[40, 100, 0, ""]', '[forty, 100, 0, ""]', ":25, levels.L1.vertices.1.0", "expected a number"),
    ("speed_limit: [3, 0.5]", "speed_limit: [3, .nan]", ":15, levels.L1.lanes.1.2.speed_limit", "not a finite"),
    ("speed_limit: [3, 0.5]", "speed_limit: 0.5", ":15, levels.L1.lanes.1.2.speed_limit", "expected a list"),
    ("reference_floor_name: L1", "reference_floor_name: L7", ":52, lifts.Lift.reference_floor_name", "no level 'L7'"),
    ("L2: [d]}", "L3: [d]}", ":53, lifts.Lift.level_doors.L3", "no level 'L3'"),
    (
        '0, "", {lift_cabin: [1, Lift]}]\n      - [40, 70',
        '0, "", {lift_cabin: [1, Lft]}]\n      - [40, 70',
        ":27, levels.L1.vertices.3.4.lift_cabin",
        "Did you mean 'Lift'",
    ),
    ("distance: [3, 4]", "distance: [3, 0]", ":22, levels.L1.measurements.0", "no length"),
    ("    measurements:\n      - [9, 10, {distance: [3, 4]}]\n", "", ":4, levels.L1", "scale is unknown"),
    ("[0, 0, a]", "[0, 0]", ":7, levels.L1.fiducials.0", "expected [x, y, name]"),
    ("[-200, 240.6, 0", "[-300, 240.6, 0", ":48, levels.L2.vertices.0", "5.00 m from the lift"),
    ("name: two floors", "name: two floors\ncoordinate_system: mars", ":2, coordinate_system", "none of the values"),
]


@pytest.mark.parametrize(("old", "new", "where", "text"), FAULTS, ids=str)
def test_faults_are_told_with_line_field_and_mend(tmp_path: Path, old: str, new: str, where: str, text: str) -> None:
    assert old in GOOD
    with pytest.raises(SiteError) as raised:
        read_building(write(tmp_path, GOOD.replace(old, new, 1)), 0)
    assert f"two.building.yaml{where}" in str(raised.value)
    assert text in str(raised.value)
    assert raised.value.mend


def test_a_map_without_lanes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match="no lanes"):
        read_building(write(tmp_path, "name: x\nlevels: {L1: {vertices: [[0, 0, 0, a]], lanes: []}}\n"))


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_damage_gives_a_site_or_an_input_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(GOOD) - 1))
    end = data.draw(st.integers(start, min(len(GOOD), start + 40)))
    text = GOOD[:start] + data.draw(st.text(st.sampled_from("ab: -[]{},>.0159\n\"'#&*!|\t"), max_size=6)) + GOOD[end:]
    path = write(tmp_path_factory.mktemp("map"), text)
    with contextlib.suppress(SiteError):
        check_site(read_building(path).site)


@given(
    points=st.lists(st.complex_numbers(max_magnitude=1e3), min_size=2, max_size=6, unique=True),
    factor=st.complex_numbers(min_magnitude=0.1, max_magnitude=10),
    shift=st.complex_numbers(max_magnitude=1e3),
)
def test_a_similarity_is_recovered(points: list[complex], factor: complex, shift: complex) -> None:
    if max(abs(a - b) for a in points for b in points) < 1e-3:
        return
    found, moved = similarity(points, [factor * point + shift for point in points])
    for point in points:
        assert found * point + moved == pytest.approx(factor * point + shift, abs=1e-6)
