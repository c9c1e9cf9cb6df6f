"""The frame graph of SDF models: which pose is relative to what (SDF pose frame semantics, versions 1.7-1.9)."""

from dataclasses import dataclass, field

from robot_ops.simulation.sdf_xml import Element
from robot_ops.simulation.transforms import IDENTITY, Transform

MODEL_FRAME = "__model__"
WORLD_FRAME = "world"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Something in a scope that has a pose.

    Attributes:
        kind: tag of its element.
        relative_to: name of the frame, in the same scope, that `pose` is given in.
        attached_to: for <frame>, what it moves with; otherwise its own name.
        placement: for models, the name of the frame inside it that is put at `pose`; empty for the model's own.
    """

    kind: str
    element: Element
    relative_to: str
    pose: Transform
    attached_to: str
    placement: str = ""


@dataclass(slots=True)
class Scope:
    """The names inside a model or a world; `root` is the name of its own frame."""

    root: str
    element: Element
    frames: dict[str, Frame] = field(default_factory=dict)
    nested: dict[str, "Scope"] = field(default_factory=dict)
    _resolved: dict[str, Transform] = field(default_factory=dict)
    _open: list[str] = field(default_factory=list)

    def add(self, name: str, frame: Frame) -> None:
        """Name a frame.

        Raises:
            WorldError: the name is taken or reserved.
        """
        if name in self.frames:
            raise frame.element.error(
                f"the name {name!r} is taken by line {self.frames[name].element.line}", "rename one"
            )
        if "::" in name or name == WORLD_FRAME or (name.startswith("__") and name.endswith("__")):
            raise frame.element.error(f"the name {name!r} is reserved", "rename it")
        self.frames[name] = frame

    def pose_of(self, name: str, asked_by: Element) -> Transform:
        """Return the pose of a named frame in this scope's own frame.

        Args:
            name: may be scoped ("arm::hand").
            asked_by: element that refers to it, for errors.

        Raises:
            WorldError: no such frame, or frames that are relative to each other in a circle.
        """
        if name in (MODEL_FRAME, self.root):
            return IDENTITY
        head, _, rest = name.partition("::")
        if rest:
            nested = self.nested.get(head)
            if nested is None:
                raise asked_by.error(f"there is no model {head!r} for the frame {name!r}")
            return self.pose_of(head, asked_by).compose(nested.pose_of(rest, asked_by))
        if name in self._resolved:
            return self._resolved[name]
        frame = self.frames.get(name)
        if frame is None:
            known = ", ".join(list(self.frames)[:12]) or "none"
            raise asked_by.error(f"there is no frame {name!r}", f"known here: {known}")
        if name in self._open:
            raise asked_by.error(f"frames are relative to each other in a circle: {' -> '.join([*self._open, name])}")
        self._open.append(name)
        try:
            pose = self.pose_of(frame.relative_to, frame.element).compose(frame.pose)
            if frame.placement:
                placed = self.nested[name].pose_of(frame.placement, frame.element)
                pose = pose.compose(placed.inverse())
        finally:
            self._open.pop()
        self._resolved[name] = pose
        return pose

    def link_of(self, name: str, asked_by: Element) -> str:
        """Return the scoped name of the link that a frame moves with; "world" is the world's.

        Raises:
            WorldError: no such frame, or frames attached to each other in a circle.
        """
        seen: list[str] = []
        while True:
            if name == WORLD_FRAME:
                return WORLD_FRAME
            head, _, rest = name.partition("::")
            if rest:
                nested = self.nested.get(head)
                if nested is None:
                    raise asked_by.error(f"there is no model {head!r} for {name!r}")
                return f"{head}::{nested.link_of(rest, asked_by)}"
            if name in seen:
                raise asked_by.error(f"frames are attached to each other in a circle: {' -> '.join([*seen, name])}")
            seen.append(name)
            if name == MODEL_FRAME:
                return self._first_link(asked_by)
            frame = self.frames.get(name)
            if frame is None:
                raise asked_by.error(f"there is no link or frame {name!r}")
            if frame.kind == "link":
                return name
            name = f"{name}::{MODEL_FRAME}" if frame.kind in ("model", "include") else frame.attached_to

    def _first_link(self, asked_by: Element) -> str:
        for name, frame in self.frames.items():
            if frame.kind == "link":
                return name
        for name, nested in self.nested.items():
            return f"{name}::{nested.link_of(MODEL_FRAME, asked_by)}"
        raise asked_by.error("the model has no link")
