"""`robot-ops site`: check, draw or import the map of a site."""

import argparse
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from robot_ops.bringup.output import add_json, say, show_json, show_table
from robot_ops.core.errors import ParameterError
from robot_ops.site.findings import Finding, Severity


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    check = actions.add_parser("check", help="say what is wrong with a site; exit 1 when it has errors")
    draw = actions.add_parser("draw", help="draw a site as SVG")
    draw.add_argument("-o", "--output", type=Path, default=None, help="SVG file (default: the site's name, here)")
    bring = actions.add_parser("import", help="write an Open-RMF building map (*.building.yaml) as a site file")
    bring.add_argument("-o", "--output", type=Path, default=None, help="site file (default: the building's name, here)")
    bring.add_argument("--robots", type=int, default=0, metavar="N", help="put N robots onto its chargers (default: 0)")
    for action in (check, draw, bring):
        what = "Open-RMF building map" if action is bring else "site file (YAML) or Open-RMF building map"
        action.add_argument("file", type=Path, help=what)
        action.add_argument(
            "--graph",
            type=int,
            default=None,
            metavar="N",
            help="graph of a building map (default: the one with most lanes)",
        )
        if action is not draw:
            action.add_argument(
                "--radius", type=float, default=0.35, help="of robots where the file has none, meters (default: 0.35)"
            )
        add_json(action)


def run(arguments: argparse.Namespace) -> int:
    """Do what the arguments ask."""
    if not 0.0 < getattr(arguments, "radius", 0.35) < 10.0:
        raise ParameterError(
            f"{arguments.radius:g} m is no robot's radius", where="argument --radius", mend="Give meters above 0"
        )
    match arguments.action:
        case "check":
            return _check(arguments)
        case "draw":
            return _draw(arguments)
        case _:
            return _import(arguments)


def _check(arguments: argparse.Namespace) -> int:
    from robot_ops.site.check import check_site
    from robot_ops.site.rmf_buildings import read_map

    parsed = read_map(arguments.file, graph_index=arguments.graph)
    site = parsed.site
    findings = check_site(site, radius=arguments.radius)
    if arguments.json:
        show_json([_record(finding, parsed.lines) for finding in findings])
    elif findings:
        rows = [
            (finding.severity.value, _where(finding, parsed.lines), finding.text, finding.mend) for finding in findings
        ]
        show_table(site.title, ["severity", "where", "finding", "mend"], rows)
    else:
        say(
            f"{site.title}: no findings in {len(site.nodes)} nodes, {len(site.lanes)} lanes, {len(site.places)} places "
            f"and {len(site.robots)} robots"
        )
    return int(any(finding.severity is Severity.ERROR for finding in findings))


def _record(finding: Finding, lines: Mapping[str, str]) -> dict[str, Any]:
    return {**asdict(finding), "where": lines.get(finding.path)}


def _where(finding: Finding, lines: Mapping[str, str]) -> str:
    """Return file and line where they are known, and the part of the site."""
    file_and_line = lines.get(finding.path, "").rpartition(", ")[0]
    return f"{file_and_line}, {finding.path}" if file_and_line else finding.path


def _draw(arguments: argparse.Namespace) -> int:
    from robot_ops.site.drawing import draw_site
    from robot_ops.site.rmf_buildings import read_map

    site = read_map(arguments.file, graph_index=arguments.graph).site
    output = arguments.output or Path(f"{site.name}.svg")
    try:
        output.write_text(draw_site(site), encoding="utf-8")
    except OSError as error:
        raise ParameterError(
            f"{output} cannot be written: {error.strerror}", where="argument --output", mend="Name another file"
        ) from error
    if arguments.json:
        show_json({"file": str(output)})
    else:
        say(f"wrote {output}")
    return 0


def _import(arguments: argparse.Namespace) -> int:
    from robot_ops.site.check import check_site
    from robot_ops.site.rmf_buildings import read_building
    from robot_ops.site.writing import write_site

    if arguments.robots < 0:
        raise ParameterError("there cannot be fewer than 0 robots", where="argument --robots", mend="Give a number")
    parsed = read_building(arguments.file, arguments.graph, arguments.robots, radius=arguments.radius)
    site = parsed.site
    output = arguments.output or Path(f"{site.name}.yaml")
    heading = f"Imported from {arguments.file.name} (Open-RMF). What was left out or changed:"
    write_site(site, output, notes=[heading, *(f"- {note}" for note in parsed.notes)])
    errors = sum(finding.severity is Severity.ERROR for finding in check_site(site, radius=arguments.radius))
    if arguments.json:
        counts = {name: len(getattr(site, name)) for name in ("levels", "nodes", "lanes", "places", "doors", "lifts")}
        show_json({"file": str(output), **counts, "errors": errors, "notes": list(parsed.notes)})
        return 0
    for note in parsed.notes:
        say(f"note: {note}")
    say(
        f"wrote {output}: {len(site.levels)} levels, {len(site.nodes)} nodes, {len(site.lanes)} lanes, "
        f"{len(site.places)} places, {len(site.doors)} doors, {len(site.lifts)} lifts"
    )
    if errors:
        say(f"{errors} errors to mend before robots can drive there: robot-ops site check {output}")
    return 0
