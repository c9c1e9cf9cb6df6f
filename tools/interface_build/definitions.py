"""Interface packages as they stand in the source tree."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

KINDS = ("msg", "srv", "action")


class DefinitionError(Exception):
    """An interface package cannot be read; the message names the file and the mend."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfacePackage:
    """One ROS interface package.

    Attributes:
        root: Folder of its package.xml.
        dependencies: Interface packages whose types it uses, as package.xml declares them.
        files: Definition files relative to `root`, sorted.
    """

    name: str
    version: str
    description: str
    root: Path
    dependencies: tuple[str, ...]
    files: tuple[Path, ...]

    @property
    def has_actions(self) -> bool:
        """Whether any definition is an action."""
        return any(file.suffix == ".action" for file in self.files)


def read_package(root: Path) -> InterfacePackage:
    """Reads the interface package in a folder.

    Raises:
        DefinitionError: If package.xml is missing or incomplete, or nothing is defined.
    """
    manifest = root / "package.xml"
    try:
        tree = ET.parse(manifest)
    except (OSError, ET.ParseError) as error:
        raise DefinitionError(f"{manifest}: {error}") from error

    def text(tag: str) -> str:
        value = (tree.findtext(tag) or "").strip()
        if not value:
            raise DefinitionError(f"{manifest}: <{tag}> is missing")
        return " ".join(value.split())

    name, version, description = text("name"), text("version"), text("description")
    files = tuple(sorted(file.relative_to(root) for kind in KINDS for file in (root / kind).glob(f"*.{kind}")))
    if not files:
        raise DefinitionError(f"{root}: defines nothing; put *.msg into msg/, *.srv into srv/, *.action into action/")
    return InterfacePackage(
        name=name,
        version=version,
        description=description,
        root=root,
        dependencies=tuple(sorted((element.text or "").strip() for element in tree.iter("depend"))),
        files=files,
    )


def find_packages(folder: Path) -> tuple[InterfacePackage, ...]:
    """Reads the package in a folder, or all packages in its direct subfolders, by name.

    Raises:
        DefinitionError: If there is none or one of them is broken.
    """
    roots = [folder] if (folder / "package.xml").exists() else sorted(p.parent for p in folder.glob("*/package.xml"))
    if not roots:
        raise DefinitionError(f"{folder}: no package.xml here or one folder below")
    return tuple(read_package(root) for root in roots)
