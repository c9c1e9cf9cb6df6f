"""`robot-ops site`: check or draw a site file."""

import argparse
from dataclasses import asdict
from pathlib import Path

from robot_ops.bringup.output import add_json, say, show_json, show_table
from robot_ops.core.errors import ParameterError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    check = actions.add_parser("check", help="say what is wrong with a site file; exit 1 when it has errors")
    draw = actions.add_parser("draw", help="draw a site file as SVG")
    draw.add_argument("-o", "--output", type=Path, default=None, help="SVG file (default: the site's name, here)")
    for action in (check, draw):
        action.add_argument("file", type=Path, help="site file (YAML)")
        add_json(action)


def run(arguments: argparse.Namespace) -> int:
    """Do what the arguments ask."""
    from robot_ops.site.check import Severity, check_site
    from robot_ops.site.drawing import draw_site
    from robot_ops.site.files import read_site

    site = read_site(arguments.file).site
    if arguments.action == "draw":
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
    findings = check_site(site)
    has_errors = any(finding.severity is Severity.ERROR for finding in findings)
    if arguments.json:
        show_json([asdict(finding) for finding in findings])
    elif findings:
        rows = [(finding.severity.value, finding.path, finding.text, finding.mend) for finding in findings]
        show_table(site.title, ["severity", "where", "finding", "mend"], rows)
    else:
        say(
            f"{site.title}: no findings in {len(site.nodes)} nodes, {len(site.lanes)} lanes, {len(site.places)} places "
            f"and {len(site.robots)} robots"
        )
    return int(has_errors)
