"""Places that are in the way: one road with a ring at its west end and rooms at its east end."""

from dataclasses import replace
from pathlib import Path

import pytest

from robot_ops.core.ids import NodeId, PlaceId
from robot_ops.core.poses import Pose
from robot_ops.site.check import Finding, Severity, check_site
from robot_ops.site.files import read_site
from robot_ops.site.model import Site

ROAD = """\
format: 1
name: road
levels:
  ground: {elevation: 0}
nodes:
  ground:
    r0: [0, 0]
    r1: [0, 5]
    r2: [5, 5]
    r3: [5, 0]
    mid: [10, 0]
    east: [15, 0]
    shop: [15, 3]
    desk: [18, 0]
    kiosk: [0, -3]
    rest: [5, 8]
lanes:
  - r0 - r1 - r2 - r3 - r0
  - r3 - mid - east - desk
  - east - shop
  - r0 - kiosk
  - r2 - rest
places:
  kiosk: {kind: kiosk, at: kiosk, facing: -90}
  shop: {kind: counter, at: shop, facing: 90}
  desk: {kind: desk, at: desk, facing: 0}
  rest: {kind: waiting, at: rest, facing: 90}
robot_models: {}
robots: {}
"""


def site_of(tmp_path: Path, text: str) -> Site:
    path = tmp_path / "road.yaml"
    path.write_text(text, encoding="utf-8")
    return read_site(path).site


def about(findings: list[Finding], path: str) -> Finding:
    (found,) = [finding for finding in findings if finding.path == path]
    return found


def test_a_waiting_spot_that_cuts_places_off_is_an_error_that_names_them(tmp_path: Path) -> None:
    site = site_of(tmp_path, ROAD.replace("rest: {kind: waiting, at: rest", "rest: {kind: waiting, at: mid"))
    found = about(check_site(site), "places.rest")
    assert found.severity is Severity.ERROR
    assert "at (10.00, 0.00) on 'ground' is on a through route (lanes 'r3-mid', 'mid-east')" in found.text
    assert found.text.endswith("cuts off 'shop', 'desk' from the other 1 places") or found.text.endswith(
        "cuts off 'kiosk' from the other 2 places"
    )
    assert (found.level, found.x, found.y) == ("ground", 10.0, 0.0)


def test_where_a_way_leads_around_nobody_is_cut_off(tmp_path: Path) -> None:
    site = site_of(tmp_path, ROAD.replace("rest: {kind: waiting, at: rest", "rest: {kind: waiting, at: r1"))
    found = about(check_site(site), "places.rest")
    assert found.severity is Severity.ERROR
    assert "through route" in found.text
    assert "cuts off" not in found.text


def test_a_counter_on_the_route_is_a_warning(tmp_path: Path) -> None:
    site = site_of(tmp_path, ROAD.replace("shop: {kind: counter, at: shop", "shop: {kind: counter, at: mid"))
    found = about(check_site(site), "places.shop")
    assert found.severity is Severity.WARNING
    assert "cuts off 'desk' from the other 2 places" in found.text


def test_a_lane_that_passes_too_near_is_named_with_its_distance(tmp_path: Path) -> None:
    site = site_of(
        tmp_path,
        ROAD.replace("rest: [5, 8]", "rest: [5.4, 8]")
        .replace("r2 - rest", "r2 - rest\n  - r1 - up")
        .replace("    rest:", "    up: [6.2, 9.4]\n    rest:"),
    )
    found = about(check_site(site), "places.rest")
    assert found.severity is Severity.ERROR
    assert "lane 'r1-up' passes the place at (5.40, 8.00) on 'ground' at" in found.text
    assert "0.90 m" in found.mend


def test_the_radius_of_the_robots_counts(tmp_path: Path) -> None:
    text = ROAD.replace("shop: [15, 3]", "shop: [16, 0.95]")
    assert any("passes the place" in finding.text for finding in check_site(site_of(tmp_path, text), radius=0.4))
    assert not any("passes the place" in finding.text for finding in check_site(site_of(tmp_path, text), radius=0.3))


def test_a_docked_robot_is_in_the_way_where_it_docks(tmp_path: Path) -> None:
    site = site_of(tmp_path, ROAD)
    shop = replace(site.places[PlaceId("shop")], tag=1, dock=Pose(x=17.0, y=0.5, yaw=0.0))
    crowded = replace(site, places={**site.places, shop.id: shop})
    assert "lane 'east-desk' passes the place" in about(check_site(crowded), "places.shop").text
    assert not [finding for finding in check_site(site) if finding.path == "places.shop"]


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (
            "  - r3 - mid - east - desk",
            "  - r3 - mid\n  - east - desk",
            "no way leads there from 'kiosk'; its part of ",
        ),
        (
            "  - r3 - mid - east - desk",
            "  - r3 > mid > east\n  - east - desk",
            "no way leads from there to 'kiosk'",
        ),
    ],
)
def test_unreachable_places_are_named_with_their_part(tmp_path: Path, old: str, new: str, text: str) -> None:
    findings = check_site(site_of(tmp_path, ROAD.replace(old, new)))
    desk, shop = about(findings, "places.desk"), about(findings, "places.shop")
    assert desk.severity is Severity.ERROR
    assert text in desk.text
    assert "its part of the lanes has 3 nodes, places 'shop'" in desk.text
    assert "places 'desk'" in shop.text


def test_a_site_made_by_code_is_told_what_it_names_in_vain(tmp_path: Path) -> None:
    site = site_of(tmp_path, ROAD)
    shop = site.places[PlaceId("shop")]
    findings = check_site(replace(site, places={**site.places, shop.id: replace(shop, node=NodeId("attic"))}))
    assert [(finding.path, finding.text) for finding in findings] == [("places.shop", "there is no node 'attic'")]
    mid = site.nodes[NodeId("mid")]
    findings = check_site(replace(site, nodes={**site.nodes, mid.id: replace(mid, x=float("nan"))}))
    assert [(finding.path, finding.severity) for finding in findings] == [("nodes.mid", Severity.ERROR)]
    findings = check_site(replace(site, nodes={**site.nodes, mid.id: replace(mid, x=5.001)}))
    assert any(f.path == "lanes.r3-mid" and "no length (1 mm)" in f.text for f in findings)
