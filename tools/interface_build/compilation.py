"""Compiles generated sources into the three libraries that a Python process loads of an interface package."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from tools.interface_build.definitions import InterfacePackage
from tools.interface_build.generation import Layout

_FILES_PER_UNIT = 6
"""Sources compiled as one unit: most of a unit's time goes into the headers that they share, and with
fewer units than cores some cores stand idle."""
_SUPPORT_LIBRARIES = (
    "rosidl_runtime_c",
    "rosidl_typesupport_c",
    "rosidl_typesupport_fastrtps_c",
    "rosidl_typesupport_fastrtps_cpp",
    "rosidl_typesupport_introspection_c",
    "rcutils",
    "rmw",
    "fastcdr",
)
_DEPENDENCY_PARTS = (
    "rosidl_generator_c",
    "rosidl_generator_py",
    "rosidl_typesupport_c",
    "rosidl_typesupport_fastrtps_c",
    "rosidl_typesupport_introspection_c",
)


class CompileError(Exception):
    """The compiler or linker failed; the message holds its first words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """A shared library and the patterns of its sources, each below the folder of one generator."""

    name: str
    sources: tuple[tuple[str, str], ...]
    needs: tuple[str, ...] = ()


def libraries(package: str) -> tuple[Library, ...]:
    """The libraries of a package in the order in which they are linked."""
    fastrtps = f"lib{package}__rosidl_typesupport_fastrtps_c.so"
    introspection = f"lib{package}__rosidl_typesupport_introspection_c.so"
    return (
        Library(
            name=fastrtps,
            sources=(
                ("rosidl_generator_c", "*/detail/*__functions.c"),
                ("rosidl_generator_c", "*/detail/*__type_support.c"),
                ("rosidl_generator_c", "*/detail/*__description.c"),
                ("rosidl_typesupport_fastrtps_c", "*/detail/*__type_support_c.cpp"),
            ),
        ),
        Library(
            name=introspection,
            sources=(("rosidl_typesupport_introspection_c", "*/detail/*__type_support.c"),),
            needs=(fastrtps,),
        ),
        # The dispatcher opens the other two by their file names: they must be loaded already by then.
        Library(
            name=f"{package}_s__rosidl_typesupport_c.so",
            sources=(
                ("rosidl_typesupport_c", "*/*__type_support.cpp"),
                ("rosidl_generator_py", "*/_*_s.c"),
                ("rosidl_generator_py", f"_{package}_s.ep.rosidl_typesupport_c.c"),
            ),
            needs=(fastrtps, introspection),
        ),
    )


def compile_packages(
    packages: tuple[InterfacePackage, ...], layout: Layout, jobs: int, say: Callable[[str], None]
) -> None:
    """Compiles and links the libraries of some packages into `layout.build / "lib" / <package>`.

    Raises:
        CompileError: If there is no compiler or it fails.
    """
    compilers = {".c": _find("CC", "gcc"), ".cpp": _find("CXX", "g++")}
    flags = ["-fPIC", "-O1", "-w", "-DNDEBUG", f"-I{_python_headers()}", f"-I{_numpy_headers()}"]
    flags += [f"-I{root}" for root in layout.include_roots()]
    pool = ThreadPoolExecutor(jobs)
    try:
        compiling = {}
        objects: dict[str, list[Path]] = {}
        for package in packages:
            for library in libraries(package.name):
                for unit in _units(package.name, library, layout):
                    target = unit.with_suffix(".o")
                    objects.setdefault(library.name, []).append(target)
                    standard = "-std=c++17" if unit.suffix == ".cpp" else "-std=gnu11"
                    command = [compilers[unit.suffix], standard, *flags, "-c", str(unit), "-o", str(target)]
                    compiling[pool.submit(_run, command)] = library.name
        for count, done in enumerate(as_completed(compiling), start=1):
            done.result()
            if count % 10 == 0 or count == len(compiling):
                say(f"compiled {count} of {len(compiling)} units")
        for package in packages:
            for library in libraries(package.name):
                _link(package, library, objects[library.name], layout, compilers[".cpp"])
            say(f"{package.name}: linked")
    finally:
        pool.shutdown(cancel_futures=True)


def _units(package: str, library: Library, layout: Layout) -> list[Path]:
    """Writes the units of a library, each a few sources of one kind and folder included one after the other."""
    folder = layout.build / "units" / library.name
    folder.mkdir(parents=True, exist_ok=True)
    units = []
    for index, (generator, pattern) in enumerate(library.sources):
        by_folder: dict[Path, list[Path]] = {}
        for source in sorted(layout.generated(generator, package).glob(pattern)):
            by_folder.setdefault(source.parent, []).append(source)
        # Each description repeats the names and hashes of the types below it: they do not stand beside one another.
        size = 1 if pattern.endswith("__description.c") else _FILES_PER_UNIT
        for sources in by_folder.values():
            for start in range(0, len(sources), size):
                chunk = sources[start : start + size]
                unit = folder / f"{index}_{chunk[0].parent.parent.name}_{chunk[0].stem}{chunk[0].suffix}"
                unit.write_text("".join(f'#include "{source}"\n' for source in chunk), encoding="utf-8")
                units.append(unit)
    return units


def _link(package: InterfacePackage, library: Library, objects: list[Path], layout: Layout, compiler: str) -> None:
    folder = layout.build / "lib" / package.name
    folder.mkdir(parents=True, exist_ok=True)
    wheels = layout.prefix / "lib"
    # All of them: type descriptions reach types at any depth, and the linker keeps what is used.
    dependencies = (f"{name}__{part}" for name in layout.installed_packages() for part in _DEPENDENCY_PARTS)
    names = [name for name in (*dependencies, *_SUPPORT_LIBRARIES) if (wheels / f"lib{name}.so").exists()]
    # A symbol that nobody brings is told here and not by a user's first message. The extension module finds those of
    # Python in the interpreter that loads it.
    strict = ["-Wl,--no-undefined"] if library.name.startswith("lib") else []
    _run(
        [
            compiler,
            "-shared",
            *(str(item) for item in objects),
            "-o",
            str(folder / library.name),
            f"-Wl,-soname,{library.name}",
            # Beside itself, and in the prefix's lib/ as seen from <prefix>/lib/pythonX.Y/site-packages/<package>/.
            "-Wl,-rpath,$ORIGIN:$ORIGIN/../../..",
            "-Wl,--no-as-needed",
            *(str(folder / need) for need in library.needs),
            "-Wl,--as-needed",
            *strict,
            # The wheels' own libraries name libraries that auditwheel put elsewhere.
            "-Wl,--allow-shlib-undefined",
            f"-L{wheels}",
            *(f"-l{name}" for name in names),
            "-s",
        ]
    )


def _find(variable: str, default: str) -> str:
    found = shutil.which(os.environ.get(variable) or default)
    if found is None:
        raise CompileError(f"{default} is not installed: install gcc and g++ (Debian, Ubuntu: apt install gcc g++)")
    return found


def _python_headers() -> str:
    folder = sysconfig.get_path("include")
    if not Path(folder, "Python.h").exists():
        raise CompileError(f"{folder}: no Python.h; install the headers (Debian, Ubuntu: apt install python3-dev)")
    return folder


def _numpy_headers() -> str:
    import numpy as np

    return np.get_include()


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode != 0:
        raise CompileError(" ".join(command[:1] + command[-4:]) + "\n" + done.stderr[:4000])
