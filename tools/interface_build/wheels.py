"""Packs compiled interface packages into a wheel."""

from __future__ import annotations

import base64
import hashlib
import sys
import sysconfig
import zipfile
from pathlib import Path

from tools.interface_build.definitions import InterfacePackage
from tools.interface_build.generation import Layout

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""Date of every entry: the same sources give the same wheel."""


def wheel_name(distribution: str, version: str) -> str:
    """File name of a distribution's wheel for this interpreter and platform (PEP 427)."""
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    return f"{distribution.replace('-', '_')}-{version}-{python}-{python}-{platform}.whl"


def write_wheel(
    distribution: str, version: str, packages: tuple[InterfacePackage, ...], layout: Layout, target: Path
) -> None:
    """Writes the wheel of some compiled packages; it appears whole or not at all.

    Args:
        target: File to write, named by `wheel_name`.
    """
    files: dict[str, bytes] = {}
    for package in packages:
        files |= _package_files(package, layout)
    info = f"{distribution.replace('-', '_')}-{version}.dist-info"
    files[f"{info}/METADATA"] = _metadata(distribution, version, packages).encode()
    tag = "-".join(target.stem.split("-")[2:])
    files[f"{info}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: robot_ops interface_build\nRoot-Is-Purelib: false\nTag: {tag}\n".encode()
    )
    record = "".join(f"{name},sha256={_digest(data)},{len(data)}\n" for name, data in sorted(files.items()))
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    partial = target.with_suffix(".partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o100755 if name.endswith(".so") else 0o100644) << 16
            archive.writestr(entry, data)
    partial.rename(target)


def _package_files(package: InterfacePackage, layout: Layout) -> dict[str, bytes]:
    files = {f"{package.name}/__init__.py": b""}
    python = layout.generated("rosidl_generator_py", package.name)
    for source in sorted(python.glob("*/*.py")):
        files[f"{package.name}/{source.relative_to(python).as_posix()}"] = source.read_bytes()
    for library in sorted((layout.build / "lib" / package.name).glob("*.so")):
        files[f"{package.name}/{library.name}"] = library.read_bytes()
    return files


def _metadata(distribution: str, version: str, packages: tuple[InterfacePackage, ...]) -> str:
    needs = sorted({name.replace("_", "-") for package in packages for name in package.dependencies})
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {distribution}",
        f"Version: {version}",
        f"Summary: {' '.join(package.description for package in packages)}",
        "License: Apache-2.0",
        "Requires-Dist: numpy",
        *(f"Requires-Dist: ros-{name}" for name in needs),
    ]
    return "\n".join(lines) + "\n"


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
