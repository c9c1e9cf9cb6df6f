"""Writes sites/long_concourse.yaml, a site with twenty robots for long simulations: `python -m tools.make_concourse`.

Two one-way lanes run along a hall of 80 m, eastbound south of westbound, with links between them every 8 m; every place
is a dead end of its own, to the south or north.
"""

from pathlib import Path

PATH = Path(__file__).parents[1] / "sites" / "long_concourse.yaml"
COUNT = 39
"""Nodes along the hall, 2 m apart."""
WITH_DOCK = {f"desk_{n}" for n in range(1, 7)}
"""Desks with a tag: with the chargers' that makes 26, of which there are pictures."""
EAST_Y, WEST_Y, SOUTH_Y, NORTH_Y = 14.1, 15.9, 12.6, 17.4
ROBOTS = [*(f"guide_{n}" for n in range(1, 11)), *(f"courier_{n}" for n in range(1, 11))]
LANGUAGES = ("[en, zh]", "[en, fr]", "[en, zh, fr]")
HEAD = """\
# A concourse of 80 m in which twenty robots work; written by tools/make_concourse.py, do not edit.
# The format is described in docs/site_format.md.
format: 1
name: long_concourse
title: Long concourse
default_speed_limit: 1.2

levels:
  hall: {elevation: 0.0}
"""
MODELS = """\
robot_models:
  guide:
    kind: guide
    radius: 0.30
    max_speed: 1.1
    max_acceleration: 0.6
    max_yaw_rate: 1.2
    battery_wh: 480
    idle_w: 45
    drive_w: 90
    charge_w: 240
  courier:
    kind: courier
    radius: 0.35
    max_speed: 1.2
    max_acceleration: 0.6
    max_yaw_rate: 1.2
    compartments: [compartment_1, compartment_2, compartment_3, compartment_4]
    battery_wh: 600
    idle_w: 40
    drive_w: 110
    charge_w: 300
"""


def south_places() -> list[tuple[str, str, str]]:
    """Return name, kind and label of the places south of the lanes, from west to east."""
    kiosks = [(f"kiosk_{n}", "kiosk", f"Kiosk {n}") for n in range(1, 7)]
    gates = [(f"gate_{n}", "counter", f"Gate {n}") for n in range(1, 11)]
    parks = [(f"park_{robot}", "waiting", f"Park of {robot}") for robot in ROBOTS]
    row = []
    while kiosks or gates or parks:  # mixed, so that ways are long and cross
        row += [places.pop(0) for places in (parks, gates, parks, kiosks) if places]
    return row


def north_places() -> list[tuple[str, str, str]]:
    """Return name, kind and label of the places north of the lanes, from west to east."""
    chargers = [(f"charger_{robot}", "charger", f"Charger of {robot}") for robot in ROBOTS]
    desks = [(f"desk_{n}", "desk", f"Desk {n}") for n in range(1, 9)]
    row = []
    while chargers or desks:
        row += [places.pop(0) for places in (chargers, chargers, desks) if places]
    return row


def lines() -> list[str]:
    """Return the lines below the head."""
    south, north = south_places(), north_places()
    xs = [2.0 * (n + 1) for n in range(COUNT)]
    nodes = [f"    e{n}: [{x}, {EAST_Y}]" for n, x in enumerate(xs)]
    nodes += [f"    w{n}: [{x}, {WEST_Y}]" for n, x in enumerate(xs)]
    nodes += [f"    {place[0]}: [{x}, {SOUTH_Y}]" for place, x in zip(south, xs, strict=False)]
    nodes += [f"    {place[0]}: [{x}, {NORTH_Y}]" for place, x in zip(north, xs, strict=False)]
    ways = [" > ".join(f"e{n}" for n in range(COUNT)), " > ".join(f"w{n}" for n in reversed(range(COUNT)))]
    ways += [f"e{n} - w{n}" for n in sorted({*range(0, COUNT, 4), COUNT - 1})]
    ways += [f"e{n} - {place[0]}" for n, place in enumerate(south)]
    ways += [f"w{n} - {place[0]}" for n, place in enumerate(north)]
    places, tag = [], 0
    for facing, row in ((-90, south), (90, north)):
        for name, kind, label in row:
            dock = ""
            if kind == "charger" or name in WITH_DOCK:
                tag += 1
                dock = f", tag: {tag}, dock: 0.55"
            places.append(f"  {name}: {{kind: {kind}, at: {name}, label: {label}, facing: {facing}{dock}}}")
    robots = []
    for number, robot in enumerate(ROBOTS):
        is_guide = robot.startswith("guide")
        languages = f", languages: {LANGUAGES[number % 3]}" if is_guide else ""
        model = "guide" if is_guide else "courier"
        robots.append(f"  {robot}: {{model: {model}, charger: charger_{robot}, park: park_{robot}{languages}}}")
    works = [*(f"gate_{n}" for n in range(1, 9)), *(f"desk_{n}" for n in range(1, 9))]
    staff = [f"  clerk_{n}: {{name: Clerk {n}, at: {place}}}" for n, place in enumerate(works, start=1)]
    return [
        *("\nnodes:", "  hall:", *nodes),
        *("\nlanes:", *(f"  - {way}" for way in ways)),
        *("\nplaces:", *places),
        *("\n" + MODELS.rstrip(),),
        *("\nrobots:", *robots),
        *("\nstaff:", *staff),
    ]


def main() -> None:
    """Write the file."""
    PATH.write_text(HEAD + "\n".join(lines()) + "\n")


if __name__ == "__main__":
    main()
