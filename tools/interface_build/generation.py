"""Runs the rosidl generators of the ROS wheels: definitions in, C, C++ and Python sources out."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from tools.interface_build.definitions import KINDS, InterfacePackage

IMPLEMENTATIONS = ("rosidl_typesupport_fastrtps_c", "rosidl_typesupport_introspection_c")
GENERATORS = (
    "rosidl_generator_c",
    "rosidl_typesupport_fastrtps_c",
    "rosidl_typesupport_introspection_c",
    "rosidl_typesupport_c",
    "rosidl_generator_py",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where the sources of one build lie.

    Each generator gets a root of its own, as under CMake: two of them write files of the same name.
    """

    prefix: Path
    """Prefix into which the ROS wheels are installed, with include/, lib/ and share/."""
    build: Path

    def idl(self, package: str) -> Path:
        """Folder of a package's definitions in IDL."""
        return self.build / "idl" / package

    def hashes(self, package: str) -> Path:
        """Folder of a package's type descriptions and hashes (JSON)."""
        return self.build / "hashes" / package

    def generated(self, generator: str, package: str) -> Path:
        """Folder of what one generator wrote for a package."""
        return self.build / generator / package

    def include_roots(self) -> list[Path]:
        """Folders for the compiler's search path."""
        wheels = sorted(path for path in (self.prefix / "include").iterdir() if path.is_dir())
        return [*(self.build / generator for generator in GENERATORS), self.prefix / "include", *wheels]

    def installed_packages(self) -> list[str]:
        """The interface packages that the ROS wheels bring, by name."""
        return sorted({path.parent.name for kind in KINDS for path in (self.prefix / "share").glob(f"*/{kind}")})


def ros_prefix() -> Path:
    """The prefix that holds the ROS wheels of this interpreter.

    It is where the wheels lie and not `sys.prefix`: under pip's build isolation the two differ.

    Raises:
        ModuleNotFoundError: If the generators are not installed.
    """
    import rosidl_generator_c

    return Path(rosidl_generator_c.__file__).parents[4]


def generate(packages: tuple[InterfacePackage, ...], layout: Layout, jobs: int, say: Callable[[str], None]) -> None:
    """Generates all sources of some packages into the layout.

    Args:
        jobs: Processes to use.
        say: Told about each step that ended.
    """
    # The generators find their templates through the ament index, which the wheels never announce.
    os.environ["AMENT_PREFIX_PATH"] = str(layout.prefix)
    with ProcessPoolExecutor(jobs) as pool:
        hashed = {pool.submit(_describe, package, layout): package for package in packages}
        pending = {}
        for done in as_completed(hashed):
            package, files = hashed[done], done.result()
            say(f"{package.name}: type hashes of {len(package.files)} interfaces")
            for generator in GENERATORS:
                pending[pool.submit(_generate, generator, package, layout, files)] = (generator, package.name)
        for ended in as_completed(pending):
            ended.result()
            generator, name = pending[ended]
            say(f"{name}: sources of {generator}")


def _interfaces(package: InterfacePackage, layout: Layout) -> list[str]:
    """The definitions in the generators' notation `root:relative path`."""
    return [f"{layout.idl(package.name)}:{file.with_suffix('.idl').as_posix()}" for file in package.files]


def _describe(package: InterfacePackage, layout: Layout) -> list[str]:
    """Translates definitions into IDL and computes the type hashes that all generated code carries."""
    from rosidl_adapter.action import convert_action_to_idl
    from rosidl_adapter.msg import convert_msg_to_idl
    from rosidl_adapter.srv import convert_srv_to_idl
    from rosidl_generator_type_description.cli import HashTypeDescription

    installed = layout.installed_packages()
    missing = [name for name in package.dependencies if name not in installed]
    if missing:
        raise ModuleNotFoundError(f"{package.root / 'package.xml'}: no installed ROS wheel brings {', '.join(missing)}")
    convert = {".msg": convert_msg_to_idl, ".srv": convert_srv_to_idl, ".action": convert_action_to_idl}
    with _quiet(package.name):
        for file in package.files:
            target = layout.idl(package.name) / file.parent
            target.mkdir(parents=True, exist_ok=True)
            convert[file.suffix](package.root.resolve(), package.name, file, target)
        # All of them: a type's description lists the types below it, at any depth.
        shares = [str(layout.prefix / "share" / name) for name in installed]
        hashes: list[str] = HashTypeDescription("hash").generate_type_hashes(
            package.name, _interfaces(package, layout), shares, layout.hashes(package.name)
        )
    return hashes


def _generate(generator: str, package: InterfacePackage, layout: Layout, hashes: list[str]) -> None:
    """Runs one generator over one package."""
    from rosidl_generator_c.cli import GenerateC
    from rosidl_generator_py.cli import GeneratePython
    from rosidl_typesupport_c.cli import GenerateCTypesupport
    from rosidl_typesupport_fastrtps_c.cli import GenerateFastRTPSCTypesupport
    from rosidl_typesupport_introspection_c.cli import GenerateIntrospectionCTypesupport

    interfaces, output = _interfaces(package, layout), layout.generated(generator, package.name)
    output.mkdir(parents=True, exist_ok=True)
    with _quiet(package.name):
        if generator == "rosidl_generator_c":
            GenerateC(generator).generate(package.name, interfaces, [], output, type_description_files=hashes)
            return
        runs = {
            "rosidl_typesupport_fastrtps_c": GenerateFastRTPSCTypesupport(generator),
            "rosidl_typesupport_introspection_c": GenerateIntrospectionCTypesupport(generator),
            "rosidl_typesupport_c": GenerateCTypesupport(generator, typesupport_implementations=list(IMPLEMENTATIONS)),
            "rosidl_generator_py": GeneratePython(generator, typesupport_implementations=["rosidl_typesupport_c"]),
        }
        runs[generator].generate(package.name, interfaces, [], output)


@contextlib.contextmanager
def _quiet(what: str) -> Iterator[None]:
    """Keeps the generators' chatter away, unless they fail: then it is the explanation."""
    chatter = io.StringIO()
    try:
        with contextlib.redirect_stdout(chatter), contextlib.redirect_stderr(chatter):
            yield
    except Exception as error:
        lines = [line for line in chatter.getvalue().splitlines() if not line.startswith(("Reading", "Writing"))]
        raise RuntimeError(f"{what}: {error}\n" + "\n".join(lines)) from error
