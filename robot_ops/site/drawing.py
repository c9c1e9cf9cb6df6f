"""Draws a site as SVG: each level with its lanes, places, doors, lifts and zones, side by side, north up."""

import math
from collections.abc import Iterable
from typing import Final
from xml.etree import ElementTree as ET

from robot_ops.site.model import Door, Lane, Level, Node, Place, PlaceKind, Site, Zone

SCALE: Final = 20.0
"""Picture units per meter."""
MARGIN: Final = 2.0
"""Meters around what is drawn."""
TITLE: Final = 2.0
"""Meters above each level for its name."""
LINE_LENGTH: Final = 9
"""Labels that are longer are broken."""

_PLACE_COLORS: Final = {
    PlaceKind.KIOSK: "#1f6fb2",
    PlaceKind.COUNTER: "#8a5a2b",
    PlaceKind.E_CHANNEL: "#5b5b8c",
    PlaceKind.DESK: "#0b6b6b",
    PlaceKind.ARCHIVE: "#555555",
    PlaceKind.CHARGER: "#2a8f3c",
    PlaceKind.WAITING: "#c77700",
}
_ZONE_COLORS: Final = {"queue": "#3a6ea5", "slow": "#e0a000", "no_wait": "#c02020", "fire_lane": "#e05000"}


def draw_site(site: Site) -> str:
    """Return the site as the text of an SVG picture."""
    sheets = [_Sheet(site, level) for level in site.levels.values()]
    sheets = [sheet for sheet in sheets if sheet.has_content]
    width = sum(sheet.width for sheet in sheets) or 1.0
    height = max((sheet.height for sheet in sheets), default=1.0) + TITLE
    root = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {width * SCALE:.0f} {height * SCALE:.0f}",
            "font-family": "sans-serif",
        },
    )
    ET.SubElement(root, "title").text = site.title
    ET.SubElement(root, "style").text = (
        "text{font-size:7px;fill:#222}.level{font-size:18px}.lane{stroke:#777;stroke-width:1.6}"
        ".oneway{stroke:#aaa;stroke-width:1.6}.head{fill:#777}.node{fill:#fff;stroke:#777;stroke-width:1}"
    )
    ET.SubElement(root, "rect", width="100%", height="100%", fill="#fafafa")
    left = 0.0
    for sheet in sheets:
        group = ET.SubElement(root, "g", transform=f"translate({left * SCALE:.1f} 0)")
        sheet.draw(group)
        left += sheet.width
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"


class _Sheet:
    """One level on paper."""

    def __init__(self, site: Site, level: Level) -> None:
        self._site = site
        self._level = level
        self._nodes = [node for node in site.nodes.values() if node.level == level.id]
        self._zones = [zone for zone in site.zones.values() if zone.level == level.id]
        self._doors = [door for door in site.doors.values() if door.level == level.id]
        points = [(node.x, node.y) for node in self._nodes]
        points += [corner for zone in self._zones for corner in zone.corners]
        points += [end for door in self._doors for end in (door.start, door.end)]
        self.has_content = bool(points)
        xs, ys = [x for x, _ in points] or [0.0], [y for _, y in points] or [0.0]
        self._west, self._north = min(xs) - MARGIN, max(ys) + MARGIN
        self.width = max(xs) - min(xs) + 2 * MARGIN
        self.height = max(ys) - min(ys) + 2 * MARGIN

    def _at(self, x: float, y: float) -> tuple[float, float]:
        return (x - self._west) * SCALE, (self._north - y + TITLE) * SCALE

    def draw(self, group: ET.Element) -> None:
        """Draw the level into the group, whose origin is the sheet's upper left corner."""
        title = f"{self._level.id} ({self._level.elevation:g} m)"
        _text(group, 0.5 * SCALE, 1.2 * SCALE, title, **{"class": "level"})
        for zone in self._zones:
            self._draw_zone(group, zone)
        for lane in self._site.lanes.values():
            if self._site.nodes[lane.start].level == self._level.id:
                self._draw_lane(group, lane)
        for door in self._doors:
            self._draw_door(group, door)
        self._draw_lifts(group)
        served = {place.node for place in self._site.places.values()}
        for node in self._nodes:
            if node.id not in served:
                self._draw_node(group, node)
        for place in self._site.places.values():
            if self._site.nodes[place.node].level == self._level.id:
                self._draw_place(group, place)

    def _draw_zone(self, group: ET.Element, zone: Zone) -> None:
        color = _ZONE_COLORS.get(zone.kind, "#888888")
        points = " ".join("{:.1f},{:.1f}".format(*self._at(x, y)) for x, y in zone.corners)
        polygon = ET.SubElement(group, "polygon", {"points": points, "fill": color, "fill-opacity": "0.15"})
        ET.SubElement(polygon, "title").text = f"{zone.id} ({zone.kind})"

    def _draw_lane(self, group: ET.Element, lane: Lane) -> None:
        start, end = self._site.nodes[lane.start], self._site.nodes[lane.end]
        (x1, y1), (x2, y2) = self._at(start.x, start.y), self._at(end.x, end.y)
        kind = "oneway" if lane.is_one_way else "lane"
        line = ET.SubElement(
            group, "line", {"class": kind, "x1": f"{x1:.1f}", "y1": f"{y1:.1f}", "x2": f"{x2:.1f}", "y2": f"{y2:.1f}"}
        )
        door = f", door {lane.door}" if lane.door else ""
        ET.SubElement(line, "title").text = f"{lane.id}, {lane.speed_limit:g} m/s{door}"
        if lane.is_one_way:
            self._draw_arrow(group, (x1, y1), (x2, y2))

    @staticmethod
    def _draw_arrow(group: ET.Element, start: tuple[float, float], end: tuple[float, float]) -> None:
        (x1, y1), (x2, y2) = start, end
        angle = math.degrees(math.atan2(y2 - y1, x2 - x1))
        middle = f"translate({(x1 + x2) / 2:.1f} {(y1 + y2) / 2:.1f}) rotate({angle:.1f})"
        ET.SubElement(group, "polygon", {"class": "head", "points": "5,0 -3,-4 -3,4", "transform": middle})

    def _draw_door(self, group: ET.Element, door: Door) -> None:
        (x1, y1), (x2, y2) = self._at(*door.start), self._at(*door.end)
        ends = {"x1": f"{x1:.1f}", "y1": f"{y1:.1f}", "x2": f"{x2:.1f}", "y2": f"{y2:.1f}"}
        ET.SubElement(group, "line", {**ends, "stroke": "#b00060", "stroke-width": "4"})
        _text(group, max(x1, x2) + 4, (y1 + y2) / 2, door.id)

    def _draw_lifts(self, group: ET.Element) -> None:
        for lift in self._site.lifts.values():
            if self._level.id not in lift.stops:
                continue
            node = self._site.nodes[lift.stops[self._level.id]]
            x, y = self._at(node.x, node.y)
            box = {"x": f"{x - SCALE:.1f}", "y": f"{y - SCALE:.1f}", "width": f"{2 * SCALE:.1f}"}
            ET.SubElement(
                group, "rect", {**box, "height": f"{2 * SCALE:.1f}", "fill": "#b00060", "fill-opacity": "0.2"}
            )
            _text(group, x, y - SCALE - 3, lift.id, **{"text-anchor": "middle"})

    def _draw_node(self, group: ET.Element, node: Node) -> None:
        x, y = self._at(node.x, node.y)
        circle = ET.SubElement(group, "circle", {"class": "node", "cx": f"{x:.1f}", "cy": f"{y:.1f}", "r": "3"})
        ET.SubElement(circle, "title").text = f"{node.id} ({node.x:g}, {node.y:g})"

    def _draw_place(self, group: ET.Element, place: Place) -> None:
        node = self._site.nodes[place.node]
        x, y = self._at(node.x, node.y)
        turn = f"translate({x:.1f} {y:.1f}) rotate({-math.degrees(place.yaw):.1f})"
        shape = ET.SubElement(
            group, "polygon", {"points": "10,0 -6,-6 -6,6", "fill": _PLACE_COLORS[place.kind], "transform": turn}
        )
        notes = [f"{place.id} ({place.kind.value})"]
        if place.tag is not None:
            notes.append(f"tag {place.tag}")
        notes += [f"home of {robot}" for robot in _robots_at(self._site, place)]
        ET.SubElement(shape, "title").text = ", ".join(notes)
        lines = _lines(place.label)
        below = y + 16 if self._is_below(place) else y - 5 - 8 * len(lines)
        for index, line in enumerate(lines):
            _text(group, x, below + 8 * index, line, **{"text-anchor": "middle"})

    def _is_below(self, place: Place) -> bool:
        """Return whether the place lies south of what its lanes come from, so that a label is free there."""
        node = self._site.nodes[place.node]
        ends = [(lane.start, lane.end) for lane in self._site.lanes.values()]
        others = [b if a == node.id else a for a, b in ends if node.id in (a, b)]
        return any(self._site.nodes[other].y > node.y for other in others)


def _lines(label: str) -> list[str]:
    """Return a label on two lines where it is long."""
    head, _, tail = label.rpartition(" ")
    return [head, tail] if head and len(label) > LINE_LENGTH else [label]


def _robots_at(site: Site, place: Place) -> Iterable[str]:
    return (robot.id for robot in site.robots.values() if place.id in (robot.charger, robot.park))


def _text(group: ET.Element, x: float, y: float, text: str, **attributes: str) -> None:
    ET.SubElement(group, "text", {"x": f"{x:.1f}", "y": f"{y:.1f}", **attributes}).text = text
