"""YAML documents read strictly, with the line of everything, so that an error can say where it is and how to mend it.

Tags, anchors and the richer YAML types are not needed in files that people write by hand; a value is text, a number, a
list or a mapping, and nothing in a file can run code or be read as something else than it looks like.
"""

import difflib
import math
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TypeVar

import yaml

from robot_ops.core.errors import InputError

_NUMBER_TAGS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_TEXT_TAGS = ("tag:yaml.org,2002:str", *_NUMBER_TAGS)
_TRUE, _FALSE = ("true", "yes", "on"), ("false", "no", "off")

EnumT = TypeVar("EnumT", bound=Enum)


def nearest(word: str, known: Collection[str]) -> str:
    """Return advice that names the known word nearest to this one, or all of them."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    if close:
        return f"Did you mean '{close[0]}'"
    return f"Known are {', '.join(sorted(known)[:20])}" if known else "None is known here"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One value of a document and where it stands.

    Attributes:
        file: as the user named it.
        path: of the field inside the document, as in "places.kiosk_1.at"; empty for the whole document.
        error: the error class that a wrong value raises.
    """

    file: Path
    path: str
    node: yaml.Node
    error: type[InputError]

    @property
    def where(self) -> str:
        """File, line and field, for error messages."""
        place = f"{self.file}:{self.node.start_mark.line + 1}"
        return f"{place}, {self.path}" if self.path else place

    def wrong(self, what: str, mend: str = "") -> InputError:
        """Return the error that says what is wrong with this value."""
        return self.error(what, where=self.where, mend=mend)

    def child(self, name: str, node: yaml.Node) -> "Entry":
        """Return an entry below this one."""
        return Entry(file=self.file, path=f"{self.path}.{name}" if self.path else name, node=node, error=self.error)

    def mapping(self) -> dict[str, "Entry"]:
        """Return the value's fields by their keys, in the file's order.

        Raises:
            InputError: not a mapping, a key that is not text, or the same key twice.
        """
        if not isinstance(self.node, yaml.MappingNode):
            raise self.wrong("expected a mapping of names to values", "Write 'name: value' lines or {name: value}")
        fields: dict[str, Entry] = {}
        for key_node, value_node in self.node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag not in _TEXT_TAGS or not key_node.value:
                raise self.child("?", key_node).wrong("a key must be plain text", "Put quotes around it if need be")
            key = str(key_node.value)
            if key in fields:
                first = fields[key].node.start_mark.line + 1
                raise self.child(key, key_node).wrong(f"'{key}' is given twice (first in line {first})", "Remove one")
            fields[key] = self.child(key, value_node)
        return fields

    def fields(self, *, required: Collection[str] = (), optional: Collection[str] = ()) -> dict[str, "Entry"]:
        """Return the value's fields; only these keys may stand there.

        Raises:
            InputError: an unknown or missing key.
        """
        found = self.mapping()
        known = [*required, *optional]
        for key, entry in found.items():
            if key not in known:
                raise entry.wrong(f"unknown key '{key}'", nearest(key, known))
        for key in required:
            if key not in found:
                raise self.wrong(f"'{key}' is missing", f"Add '{key}: ...'")
        return found

    def items(self) -> list["Entry"]:
        """Return the entries of a list.

        Raises:
            InputError: not a list.
        """
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.wrong("expected a list", "Write [a, b] or lines that start with '- '")
        return [self.child(str(index), node) for index, node in enumerate(self.node.value)]

    @property
    def is_mapping(self) -> bool:
        """True where the value is a mapping."""
        return isinstance(self.node, yaml.MappingNode)

    @property
    def is_list(self) -> bool:
        """True where the value is a list."""
        return isinstance(self.node, yaml.SequenceNode)

    def text(self) -> str:
        """Return a text that is not empty.

        Raises:
            InputError: something else.
        """
        if not isinstance(self.node, yaml.ScalarNode) or self.node.tag not in _TEXT_TAGS or not self.node.value.strip():
            raise self.wrong("expected a text", "Write a word, or put the text in quotes")
        return str(self.node.value)

    def scalar(self) -> str:
        """Return a text, number or flag as it is written; it may be empty.

        Raises:
            InputError: a list or a mapping.
        """
        if not isinstance(self.node, yaml.ScalarNode):
            raise self.wrong("expected a single value", "Write a word or a number")
        return "" if self.node.tag == "tag:yaml.org,2002:null" else str(self.node.value)

    def flag(self) -> bool:
        """Return True or False.

        Raises:
            InputError: something else.
        """
        word = self.node.value.lower() if isinstance(self.node, yaml.ScalarNode) else ""
        if word not in (*_TRUE, *_FALSE):
            raise self.wrong("expected true or false", "Write true or false")
        return word in _TRUE

    def number(self, *, above: float = -math.inf, least: float = -math.inf, most: float = math.inf) -> float:
        """Return a finite number.

        Args:
            above: the number must be greater than this.
            least: smallest number allowed.
            most: greatest number allowed.

        Raises:
            InputError: no number, NaN, infinite or outside of the limits.
        """
        if not isinstance(self.node, yaml.ScalarNode) or self.node.tag not in _NUMBER_TAGS:
            shown = f"'{self.node.value}'" if isinstance(self.node, yaml.ScalarNode) else "this"
            raise self.wrong(f"expected a number, {shown} is none", "Write a decimal number such as 1.5")
        try:
            value = float(self.node.value)
        except ValueError as error:
            raise self.wrong(f"'{self.node.value}' is not a finite number", "Write a decimal number") from error
        if not math.isfinite(value):
            raise self.wrong(f"{self.node.value} is not a finite number", "Write a decimal number such as 1.5")
        if not (value > above and least <= value <= most):
            low = f"more than {above:g}" if above > -math.inf else f"at least {least:g}"
            limits = " and ".join(
                text
                for text, is_given in ((low, max(above, least) > -math.inf), (f"at most {most:g}", most < math.inf))
                if is_given
            )
            raise self.wrong(f"{value:g} is out of range", f"It must be {limits}")
        return value

    def integer(self, *, least: int, most: int) -> int:
        """Return a whole number within the limits.

        Raises:
            InputError: something else.
        """
        value = self.number(least=least, most=most)
        if value != int(value):
            raise self.wrong(f"{value:g} is not a whole number", "Round it")
        digits = self.scalar()
        return int(digits) if digits.isdecimal() else int(value)  # a float has no room for 17 digits

    def choice(self, kinds: type[EnumT]) -> EnumT:
        """Return the member of an enumeration of texts that stands here.

        Raises:
            InputError: no such member.
        """
        word = self.text()
        for member in kinds:
            if member.value == word:
                return member
        raise self.wrong(f"'{word}' is none of the values allowed here", nearest(word, [m.value for m in kinds]))

    def point(self) -> tuple[float, float]:
        """Return [x, y] in meters.

        Raises:
            InputError: not two finite numbers.
        """
        entries = self.items() if self.is_list else []
        if len(entries) != 2:
            raise self.wrong("expected [x, y] in meters", "Write two numbers in brackets")
        return entries[0].number(), entries[1].number()

    def one_of(self, known: Collection[str], what: str) -> str:
        """Return a text that names something known.

        Raises:
            InputError: nothing of that name.
        """
        word = self.text()
        if word not in known:
            raise self.wrong(f"there is no {what} '{word}'", nearest(word, known))
        return word


def read_document(path: Path, error: type[InputError]) -> Entry:
    """Return the root of a YAML file.

    Raises:
        InputError: the file cannot be read, is no YAML, is empty or holds more than one document (as `error`).
    """
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except OSError as cause:
        raise error(f"cannot be read: {cause.strerror}", where=str(path), mend="Check the path") from cause
    except UnicodeDecodeError as cause:
        raise error("is not UTF-8 text", where=str(path), mend="Save it as UTF-8") from cause
    except yaml.MarkedYAMLError as cause:
        mark = cause.problem_mark or cause.context_mark
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise error(
            f"is no valid YAML: {cause.problem or cause.context}", where=where, mend="Mend the syntax"
        ) from cause
    except (yaml.YAMLError, RecursionError) as cause:
        raise error("is no valid YAML", where=str(path), mend="Mend the syntax") from cause
    if node is None:
        raise error("is empty", where=str(path), mend="Name another file or fill it")
    return Entry(file=path, path="", node=node, error=error)
