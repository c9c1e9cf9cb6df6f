from pathlib import Path

from robot_ops.site.check import Severity, check_site
from robot_ops.site.files import read_site
from robot_ops.site.model import Site
from robot_ops.site.narrow_sections import NarrowSection, describe, narrow_sections

# Two squares of lanes, joined by a corridor of 20 m with a bay 2 m deep, a bay too near to be one, and a place.
CORRIDOR = """\
format: 1
name: corridor
levels:
  ground: {elevation: 0}
nodes:
  ground:
    a1: [0, 0]
    a2: [-5, 0]
    a3: [-5, 5]
    c1: [5, 0]
    c2: [10, 0]
    c3: [15, 0]
    b1: [20, 0]
    b2: [25, 0]
    b3: [25, 5]
    bay: [5, 2]
    niche: [10.3, 0.5]
    p1: [-5, -3]
    p2: [-7, 5]
    p3: [25, -3]
    p4: [27, 5]
lanes:
  - a1 - a2 - a3 - a1
  - b1 - b2 - b3 - b1
  - a1 - c1 - c2 - c3 - b1
  - c1 - bay
  - c2 - niche
  - a2 - p1
  - a3 - p2
  - b2 - p3
  - b3 - p4
places:
  p1: {kind: counter, at: p1, facing: 0}
  p2: {kind: counter, at: p2, facing: 0}
  p3: {kind: counter, at: p3, facing: 0}
  p4: {kind: counter, at: p4, facing: 0}
robot_models: {}
robots: {}
"""


def site_of(tmp_path: Path, text: str) -> Site:
    path = tmp_path / "corridor.yaml"
    path.write_text(text, encoding="utf-8")
    return read_site(path).site


def corridor(site: Site) -> list[NarrowSection]:
    return [section for section in narrow_sections(site, 0.9) if "c1" in section.nodes]


def test_a_corridor_is_one_section_with_its_length_and_bays(tmp_path: Path) -> None:
    (section,) = corridor(site_of(tmp_path, CORRIDOR))
    assert section.nodes == ("a1", "c1", "c2", "c3", "b1")
    assert section.lanes == ("a1-c1", "c1-c2", "c2-c3", "c3-b1")
    assert section.length == 20.0
    assert section.bays == ("bay",)
    assert section.behind in (("p1", "p2"), ("p3", "p4"))
    assert describe(section) == "robots cannot pass each other for 20.0 m (4 lanes) from 'a1' to 'b1'; bays: bay"


def test_the_check_notes_sections_without_a_way_around(tmp_path: Path) -> None:
    notes = [finding for finding in check_site(site_of(tmp_path, CORRIDOR)) if finding.severity is Severity.NOTE]
    (note,) = notes
    assert note.path == "lanes.a1-c1"
    assert "no other way leads to 2 places" in note.text
    around = CORRIDOR.replace("  - c1 - bay", "  - a3 - b3\n  - c1 - bay")
    assert not [f for f in check_site(site_of(tmp_path, around)) if f.severity is Severity.NOTE]


def test_one_way_lanes_are_no_section(tmp_path: Path) -> None:
    text = CORRIDOR.replace("  - a1 - c1 - c2 - c3 - b1", "  - a1 > c1 > c2 > c3 > b1\n  - b3 > a3")
    assert corridor(site_of(tmp_path, text)) == []


def test_a_lift_carries_a_section_on_to_the_other_level(tmp_path: Path) -> None:
    site = read_site(Path(__file__).parents[3] / "sites" / "immigration_hall.yaml").site
    (section,) = [found for found in narrow_sections(site, 0.9) if "lift_hall" in found.nodes]
    assert section.nodes == ("bw33", "lift_hall_lobby", "lift_hall", "lift_office", "lift_office_lobby", "oe33")
    assert len(section.lanes) == 4
    assert set(section.behind) == {"desk_3", "desk_4", "desk_5", "desk_6", "archive", "park_office"}
