from pathlib import Path
from xml.etree import ElementTree as ET

from robot_ops.site.drawing import draw_site
from robot_ops.site.files import load_site

HALL = Path(__file__).parents[3] / "sites" / "immigration_hall.yaml"
SVG = "{http://www.w3.org/2000/svg}"


def test_everything_of_the_site_is_in_the_picture() -> None:
    site = load_site(HALL)
    root = ET.fromstring(draw_site(site))
    titles = [title.text or "" for title in root.iter(f"{SVG}title")]
    for place in site.places:
        assert any(title.startswith(f"{place} (") for title in titles)
    for zone in site.zones.values():
        assert f"{zone.id} ({zone.kind})" in titles
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert texts.count("lift_1") == len(site.levels)
    assert "back_office_door" in texts
    assert len(list(root.iter(f"{SVG}line"))) == len(site.lanes) + len(site.doors)


def test_one_way_lanes_have_arrows() -> None:
    site = load_site(HALL)
    root = ET.fromstring(draw_site(site))
    heads = [shape for shape in root.iter(f"{SVG}polygon") if shape.get("class") == "head"]
    assert len(heads) == sum(lane.is_one_way for lane in site.lanes.values())


def test_the_picture_holds_all_nodes() -> None:
    root = ET.fromstring(draw_site(load_site(HALL)))
    _, _, width, height = (float(number) for number in root.get("viewBox", "").split())
    for circle in root.iter(f"{SVG}circle"):
        assert 0 < float(circle.get("cx", "")) < width
        assert 0 < float(circle.get("cy", "")) < height
