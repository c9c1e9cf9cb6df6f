"""XML elements that know their line, so that errors can name it."""

from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from robot_ops.core.errors import TreeError


@dataclass(slots=True)
class Element:
    """An XML element; `where` is "file:line" of its start tag."""

    tag: str
    attributes: dict[str, str]
    where: str
    children: list["Element"] = field(default_factory=list)


def read_xml(path: Path) -> Element:
    """Return the root element of the file.

    Raises:
        TreeError: the file cannot be read, is not XML, has a document type, or text between its elements.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TreeError(f"cannot be read: {error.strerror}", where=str(path), mend="check the path") from error
    return _Reader(path).read(data)


class _Reader:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._open: list[Element] = []
        self._root: Element | None = None
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._doctype

    def read(self, data: bytes) -> Element:
        try:
            self._parser.Parse(data, True)
        except expat.ExpatError as error:
            where = f"{self._path}:{error.lineno}"
            raise TreeError(f"is not XML: {expat.ErrorString(error.code)}", where=where) from error
        if self._root is None:
            raise TreeError("has no element", where=str(self._path))
        return self._root

    @property
    def _where(self) -> str:
        return f"{self._path}:{self._parser.CurrentLineNumber}"

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        element = Element(tag, dict(attributes), self._where)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self._root = element
        self._open.append(element)

    def _end(self, _tag: str) -> None:
        self._open.pop()

    def _text(self, text: str) -> None:
        if text.strip():
            raise TreeError(f"text {text.strip()[:40]!r} between elements", where=self._where, mend="use attributes")

    def _doctype(self, *_declaration: object) -> None:
        raise TreeError("a document type is not allowed", where=self._where, mend="remove <!DOCTYPE ...>")
