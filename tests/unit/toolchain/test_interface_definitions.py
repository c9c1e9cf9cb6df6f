"""The interface packages as they stand in the source tree."""

import keyword
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tools.interface_build.definitions import DefinitionError, InterfacePackage, find_packages, read_package

ROOT = Path(__file__).parents[3]
PACKAGES = (
    *find_packages(ROOT / "interfaces/robot_ops_interfaces"),
    *find_packages(ROOT / "interfaces/nav_interfaces"),
)
FIELD = re.compile(r"^(?P<type>[\w/]+)(\[[<=\d]*\])?\s+(?P<name>[a-z]\w*)\s*(#.*)?$")
CPP_WORDS = set(
    "alignas alignof and asm auto bool break case catch char class concept const continue default delete do "
    "double else enum explicit export extern false float for friend goto if inline int long mutable namespace new "
    "not operator or private protected public register requires return short signed sizeof static struct switch "
    "template this throw true try typedef typeid typename union unsigned using virtual void volatile while xor".split()
)
by_name = pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)


def fields(package: InterfacePackage) -> list[tuple[str, str]]:
    lines = [line for file in package.files for line in (package.root / file).read_text().splitlines()]
    return [(match["type"], match["name"]) for match in map(FIELD.match, lines) if match]


@by_name
def test_foreign_types_are_declared(package: InterfacePackage) -> None:
    used = {kind.split("/")[0] for kind, _ in fields(package) if "/" in kind} - {package.name}
    if any(file.suffix == ".action" for file in package.files):
        used.add("action_msgs")

    assert used == set(package.dependencies)


@by_name
def test_field_names_are_words_in_every_language(package: InterfacePackage) -> None:
    names = {name for _, name in fields(package)}

    assert len(names) > 5
    assert not {name for name in names if name in CPP_WORDS or keyword.iskeyword(name)}


def test_cmake_knows_the_same_dependencies() -> None:
    package = PACKAGES[0]
    text = (package.root / "CMakeLists.txt").read_text()
    found = set(re.findall(r"find_package\((\w+) REQUIRED\)", text)) - {"ament_cmake", "rosidl_default_generators"}
    [named] = re.findall(r"DEPENDENCIES ([\w ]+)\n", text)

    assert found == set(named.split()) == set(package.dependencies)


def test_one_version_everywhere() -> None:
    manifest = ET.parse(ROOT / "package.xml").findtext("version")
    [setup] = re.findall(r"^version = (\S+)$", (ROOT / "setup.cfg").read_text(), re.MULTILINE)

    assert {manifest, setup} == {package.version for package in PACKAGES}


def test_a_folder_without_packages(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=r"no package\.xml"):
        find_packages(tmp_path)


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ("<package", "package.xml"),
        ("<package><version>1.0.0</version></package>", "<name> is missing"),
        ("<package><name>a</name><version>1</version><description>b</description></package>", "defines nothing"),
    ],
)
def test_broken_packages_are_named(tmp_path: Path, manifest: str, message: str) -> None:
    (tmp_path / "package.xml").write_text(manifest)

    with pytest.raises(DefinitionError, match=message) as raised:
        read_package(tmp_path)

    assert str(tmp_path) in str(raised.value)
