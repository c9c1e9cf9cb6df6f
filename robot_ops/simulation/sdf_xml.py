"""XML elements that know their line, so that errors in world files can be told by file and line."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from robot_ops.core.errors import WorldError
from robot_ops.simulation.transforms import Transform


@dataclass(slots=True)
class Element:
    """An XML element and where it stands.

    Attributes:
        text: what stands between the tags, stripped.
        line: of the opening tag, from 1.
    """

    tag: str
    attributes: dict[str, str]
    file: Path
    line: int
    text: str = ""
    children: list["Element"] = field(default_factory=list)

    @property
    def where(self) -> str:
        """Return file, line and tag, for errors."""
        return f"{self.file}:{self.line}, <{self.tag}>"

    def error(self, what: str, mend: str = "") -> WorldError:
        """Return the error that points at this element."""
        return WorldError(what, where=self.where, mend=mend)

    def child(self, *path: str) -> "Element | None":
        """Return the first element along a path of tags, or None."""
        found: Element | None = self
        for tag in path:
            found = next((c for c in found.children if c.tag == tag), None) if found is not None else None
        return found

    def need(self, *path: str) -> "Element":
        """Return the first element along a path of tags.

        Raises:
            WorldError: there is none.
        """
        found = self.child(*path)
        if found is None:
            raise self.error(f"has no <{'/'.join(path)}>", "add it")
        return found

    def all(self, *tags: str) -> list["Element"]:
        """Return the children with one of these tags, in the file's order."""
        return [c for c in self.children if c.tag in tags]

    @property
    def name(self) -> str:
        """Return the attribute `name`.

        Raises:
            WorldError: it is missing or empty.
        """
        name = self.attributes.get("name", "")
        if not name:
            raise self.error("has no name", 'add an attribute name="..."')
        return name

    def floats(self, count: int) -> list[float]:
        """Return the text as numbers.

        Raises:
            WorldError: they are not `count` finite numbers.
        """
        try:
            values = [float(word) for word in self.text.split()]
        except ValueError:
            values = []
        if len(values) != count or not all(map(math.isfinite, values)):
            raise self.error(f"expected {count} number{'s' if count > 1 else ''}, found {self.text!r}")
        return values

    def vector(self) -> tuple[float, float, float]:
        """Return the text as three numbers."""
        x, y, z = self.floats(3)
        return (x, y, z)

    def number(self, *path: str, default: float) -> float:
        """Return the number in the element along a path of tags, or the default where there is none."""
        found = self.child(*path)
        return default if found is None else found.floats(1)[0]

    def flag(self, tag: str) -> bool:
        """Return the truth value in a child, False where there is none."""
        found = self.child(tag)
        if found is None:
            return False
        match found.text.lower():
            case "true" | "1":
                return True
            case "false" | "0":
                return False
            case _:
                raise found.error(f"expected true or false, found {found.text!r}")

    def string(self, tag: str, default: str = "") -> str:
        """Return the text of a child, or the default where there is none."""
        found = self.child(tag)
        return default if found is None else found.text


def read_pose(element: Element) -> tuple[str, Transform]:
    """Return the frame that an element's <pose> is relative to (empty for the default) and the pose itself.

    SDF 1.9: `degrees` and `rotation_format` are understood; no <pose> means the default frame's own.
    """
    pose = element.child("pose")
    if pose is None:
        return "", Transform()
    frame = pose.attributes.get("relative_to", "")
    if not pose.text:
        return frame, Transform()
    match pose.attributes.get("rotation_format", "euler_rpy"):
        case "euler_rpy":
            x, y, z, roll, pitch, yaw = pose.floats(6)
            if pose.attributes.get("degrees", "false").lower() in ("true", "1"):
                roll, pitch, yaw = math.radians(roll), math.radians(pitch), math.radians(yaw)
            return frame, Transform.from_rpy(x, y, z, roll, pitch, yaw)
        case "quat_xyzw":
            x, y, z, qx, qy, qz, qw = pose.floats(7)
            if qw * qw + qx * qx + qy * qy + qz * qz < 1e-9:
                raise pose.error("the quaternion is zero")
            return frame, Transform((x, y, z), (qw, qx, qy, qz))
        case other:
            raise pose.error(f"unknown rotation_format {other!r}", "use euler_rpy or quat_xyzw")


def read_xml(path: Path) -> Element:
    """Return the root element of a file.

    Raises:
        WorldError: the file cannot be read, is no XML, or has a document type (entities are not understood).
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WorldError(f"cannot be read: {error.strerror}", where=str(path)) from error
    parser = expat.ParserCreate()
    stack: list[Element] = []
    roots: list[Element] = []

    def start(tag: str, attributes: dict[str, str]) -> None:
        element = Element(tag=tag, attributes=attributes, file=path, line=parser.CurrentLineNumber)
        (stack[-1].children if stack else roots).append(element)
        stack.append(element)

    def end(_tag: str) -> None:
        element = stack.pop()
        element.text = element.text.strip()

    def text(data: str) -> None:
        if stack:
            stack[-1].text += data

    def doctype(*_ignored: object) -> None:
        raise WorldError(
            "has a document type", where=f"{path}:{parser.CurrentLineNumber}", mend="remove the <!DOCTYPE ...>"
        )

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise WorldError(
            f"is no well-formed XML: {expat.errors.messages[error.code]}", where=f"{path}:{error.lineno}"
        ) from error
    return roots[0]
