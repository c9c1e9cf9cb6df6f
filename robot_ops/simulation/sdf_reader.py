"""Reads SDF world and model files (1.5-1.9, the parts robot_ops' worlds use) into `robot_ops.simulation.sdf`."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from robot_ops.core.errors import WorldError
from robot_ops.simulation import sdf, sdf_parts
from robot_ops.simulation.sdf_frames import MODEL_FRAME, WORLD_FRAME, Frame, Scope
from robot_ops.simulation.sdf_xml import Element, read_pose, read_xml
from robot_ops.simulation.transforms import Transform

MAX_NESTING = 16


@dataclass(slots=True)
class _RawModel:
    """A model element with its names gathered, before poses are resolved."""

    element: Element
    source: str
    is_static: bool
    scope: Scope
    nested: dict[str, "_RawModel"] = field(default_factory=dict)


class ModelPath:
    """Where `model://name` is looked for.

    Args:
        folders: each holds one folder per model.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folders)

    @classmethod
    def beside(cls, world_file: Path) -> "ModelPath":
        """Return the folders "models" beside and above a world file, and those of SDF_PATH and GZ_SIM_RESOURCE_PATH."""
        given = [os.environ.get(name, "") for name in ("SDF_PATH", "GZ_SIM_RESOURCE_PATH")]
        extra = [Path(folder) for value in given for folder in value.split(os.pathsep) if folder]
        folder = world_file.resolve().parent
        return cls([folder / "models", folder.parent / "models", *extra])

    def find(self, uri: str, asked_by: Element) -> Path:
        """Return the file or folder that a URI names.

        Raises:
            WorldError: it does not exist or the scheme is unknown.
        """
        scheme, separator, rest = uri.partition("://")
        if not separator:
            found = asked_by.file.parent / uri
        elif scheme == "file":
            found = Path(rest) if rest.startswith("/") else asked_by.file.parent / rest
        elif scheme == "model":
            candidates = [folder / rest for folder in self._folders]
            found = next((c for c in candidates if c.exists()), candidates[0] if candidates else Path(rest))
        else:
            raise asked_by.error(f"unknown kind of URI: {uri!r}", "use model:// or a path beside this file")
        if not found.exists():
            places = ", ".join(str(folder) for folder in self._folders) or "nowhere"
            raise asked_by.error(f"{uri!r} does not exist", f"models are looked for in {places}")
        return found

    def model_file(self, uri: str, asked_by: Element) -> Path:
        """Return the SDF file of a model, as its model.config names it."""
        folder = self.find(uri, asked_by)
        if folder.is_file():
            return folder
        config = folder / "model.config"
        if config.exists():
            named = read_xml(config).all("sdf")
            if named:
                return folder / named[-1].text
        return folder / "model.sdf"


def read_world(file: Path, models: ModelPath | None = None) -> sdf.World:
    """Return the world that a file describes.

    Raises:
        WorldError: the file, or one that it includes, is wrong; the text names file and line.
    """
    root = read_xml(file)
    _check_version(root)
    world = root.need("world")
    reader = _Reader(models or ModelPath.beside(file))
    scope = Scope(root=WORLD_FRAME, element=world)
    _name_frames(world, scope, default=WORLD_FRAME)
    raws = reader.name_models(world, scope, depth=0)
    resolved = {
        name: reader.resolve(name, raw, scope.pose_of(name, raw.element), is_static=raw.is_static)
        for name, raw in raws.items()
    }
    for name, frame in scope.frames.items():
        scope.pose_of(name, frame.element)
    return sdf.World(name=world.attributes.get("name", ""), file=file, models=resolved)


def read_model(folder: Path) -> sdf.Model:
    """Return the model in a folder, standing at the world's origin.

    Raises:
        WorldError: it is wrong.
    """
    where = Element(tag="include", attributes={}, file=folder, line=1, text="")
    models = ModelPath([folder.parent])
    reader = _Reader(models)
    raw = reader.read_file(models.model_file(f"model://{folder.name}", where), folder.name, depth=0)
    return reader.resolve(folder.name, raw, Transform(), is_static=raw.is_static)


def _check_version(root: Element) -> None:
    version = root.attributes.get("version", "")
    try:
        major, minor = (int(part) for part in version.split("."))
    except ValueError:
        major, minor = 0, 0
    if root.tag != "sdf" or major != 1 or not 5 <= minor <= 12:
        raise WorldError(
            "is no SDF file of version 1.5 or later", where=root.where, mend='start with <sdf version="1.9">'
        )


def _name_frames(element: Element, scope: Scope, *, default: str) -> None:
    """Give names to the links, frames and joints of a model or world."""
    for child in element.all("link", "frame", "joint"):
        relative_to, pose = read_pose(child)
        attached_to = child.name
        if child.tag == "frame":
            attached_to = child.attributes.get("attached_to", "") or default
            relative_to = relative_to or attached_to
        elif child.tag == "joint":
            attached_to = child.need("child").text
            relative_to = relative_to or attached_to
        frame = Frame(
            kind=child.tag, element=child, relative_to=relative_to or default, pose=pose, attached_to=attached_to
        )
        scope.add(child.name, frame)


class _Reader:
    def __init__(self, models: ModelPath) -> None:
        self._models = models
        self._files: dict[Path, Element] = {}

    def name_models(self, element: Element, scope: Scope, *, depth: int) -> dict[str, _RawModel]:
        """Read the models and includes of a world or model into its scope."""
        raws: dict[str, _RawModel] = {}
        for child in element.all("model", "include"):
            raw, name, pose_element = self._read_child(child, depth)
            relative_to, pose = read_pose(pose_element)
            placement = child.string("placement_frame") or pose_element.attributes.get("placement_frame", "")
            frame = Frame(
                kind=child.tag,
                element=child,
                relative_to=relative_to or scope.root,
                pose=pose,
                attached_to=name,
                placement=placement,
            )
            scope.add(name, frame)
            scope.nested[name] = raw.scope
            raws[name] = raw
        return raws

    def _read_child(self, child: Element, depth: int) -> tuple[_RawModel, str, Element]:
        """Return a model, its name, and the element whose pose places it."""
        if depth > MAX_NESTING:
            raise child.error(f"models are nested more than {MAX_NESTING} deep", "does a model include itself?")
        if child.tag == "model":
            return self._read_model(child, source="", depth=depth), child.name, child
        if child.attributes.get("merge", "false").lower() in ("true", "1"):
            raise child.error("include with merge is not understood", "include it as a nested model")
        uri = child.need("uri")
        raw = self.read_file(self._models.model_file(uri.text, uri), Path(uri.text).name, depth=depth)
        if child.child("static") is not None:
            raw.is_static = child.flag("static")
        name = child.string("name") or raw.element.name
        return raw, name, child if child.child("pose") is not None else raw.element

    def read_file(self, file: Path, source: str, *, depth: int) -> _RawModel:
        """Read a model file."""
        if file not in self._files:
            root = read_xml(file)
            _check_version(root)
            self._files[file] = root.need("model")
        return self._read_model(self._files[file], source=source, depth=depth)

    def _read_model(self, element: Element, *, source: str, depth: int) -> _RawModel:
        scope = Scope(root=MODEL_FRAME, element=element)
        _name_frames(element, scope, default=MODEL_FRAME)
        raw = _RawModel(element=element, source=source, is_static=element.flag("static"), scope=scope)
        raw.nested = self.name_models(element, scope, depth=depth + 1)
        return raw

    def resolve(self, name: str, raw: _RawModel, pose_in_world: Transform, *, is_static: bool) -> sdf.Model:
        """Return a model that stands in the world, with its nested models' parts."""
        links: dict[str, sdf.Link] = {}
        joints: dict[str, sdf.Joint] = {}
        plugins: list[sdf.Plugin] = []
        self._flatten(raw, Transform(), "", links, joints, plugins)
        for frame_name, frame in raw.scope.frames.items():
            raw.scope.pose_of(frame_name, frame.element)
        for joint in joints.values():
            for end in (joint.parent, joint.child):
                if end not in links and end != WORLD_FRAME:
                    raise raw.element.error(f"joint {joint.name!r} joins {end!r}, which is no link")
        return sdf.Model(
            name=name,
            source=raw.source,
            is_static=is_static,
            pose_in_world=pose_in_world,
            links=links,
            joints=joints,
            plugins=tuple(plugins),
            where=raw.element.where,
            diff_drive=sdf_parts.read_diff_drive(plugins),
        )

    def _flatten(
        self,
        raw: _RawModel,
        pose: Transform,
        prefix: str,
        links: dict[str, sdf.Link],
        joints: dict[str, sdf.Joint],
        plugins: list[sdf.Plugin],
    ) -> None:
        find = self._models.find
        for element in raw.element.all("link"):
            at = pose.compose(raw.scope.pose_of(element.name, element))
            links[prefix + element.name] = sdf_parts.read_link(element, prefix, at, raw.scope, find)
        for element in raw.element.all("joint"):
            joints[prefix + element.name] = _read_joint(element, prefix, pose, raw.scope)
        plugins.extend(sdf_parts.read_plugin(element) for element in raw.element.all("plugin"))
        for name, nested in raw.nested.items():
            at = pose.compose(raw.scope.pose_of(name, nested.element))
            self._flatten(nested, at, f"{prefix}{name}::", links, joints, plugins)


def _read_joint(element: Element, prefix: str, model_pose: Transform, scope: Scope) -> sdf.Joint:
    kind_name = element.attributes.get("type", "")
    try:
        kind = sdf.JointKind(kind_name)
    except ValueError as error:
        known = ", ".join(k.value for k in sdf.JointKind)
        raise element.error(f"unknown type of joint: {kind_name!r}", f"use one of {known}") from error
    ends = [scope.link_of(element.need(tag).text, element) for tag in ("parent", "child")]
    parent, child = (end if end == WORLD_FRAME else prefix + end for end in ends)
    pose = scope.pose_of(element.name, element)
    axis = (0.0, 0.0, 0.0)
    lower, upper = -math.inf, math.inf
    if kind not in (sdf.JointKind.FIXED, sdf.JointKind.BALL):
        axis = _read_axis(element, pose, scope)
        axis = model_pose.rotate(axis)
        lower = element.number("axis", "limit", "lower", default=-math.inf)
        upper = element.number("axis", "limit", "upper", default=math.inf)
        if lower > upper:
            raise element.error(f"the joint's lower limit {lower} is above its upper limit {upper}")
    return sdf.Joint(
        name=prefix + element.name,
        kind=kind,
        parent=parent,
        child=child,
        pose_in_model=model_pose.compose(pose),
        axis_in_model=axis,
        lower=lower,
        upper=upper,
    )


def _read_axis(element: Element, pose: Transform, scope: Scope) -> sdf.Vector:
    """Return a joint's unit axis in its model's frame."""
    xyz = element.child("axis", "xyz")
    x, y, z = xyz.vector() if xyz is not None else (0.0, 0.0, 1.0)
    length = math.sqrt(x * x + y * y + z * z)
    if length < 1e-9:
        raise (xyz or element).error("the axis has no length")
    expressed_in = xyz.attributes.get("expressed_in", "") if xyz is not None else ""
    frame = scope.pose_of(expressed_in, element) if expressed_in else pose
    return frame.rotate((x / length, y / length, z / length))
