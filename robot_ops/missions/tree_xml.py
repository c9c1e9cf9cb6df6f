"""Behavior trees from XML in the format of BehaviorTree.CPP 4 and Nav2.

<root BTCPP_format="4" main_tree_to_execute="park">
  <BehaviorTree ID="park">
    <Sequence>
      <EnsureUndocked/>
      <GoToPlace place="{destination}"/>
    </Sequence>
  </BehaviorTree>
</root>

Control nodes: Sequence, ReactiveSequence, Fallback, ReactiveFallback, Parallel (failure_count="1" only), SubTree.
Decorators: Inverter, ForceSuccess, ForceFailure, RetryUntilSuccessful, KeepRunningUntilFailure, Timeout. Leaves by the
names in the table that the loader is given. "{pickup}" stands for what the order says; inside a subtree "{role}" stands
for the attribute `role` of its SubTree element. The whole file is checked when it is loaded, used or not.
"""

import dataclasses
import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from py_trees.behaviour import Behaviour
from py_trees.common import ParallelPolicy
from py_trees.composites import Parallel, Selector, Sequence
from py_trees.decorators import FailureIsSuccess, Inverter, Retry, SuccessIsFailure, SuccessIsRunning

from robot_ops.core.errors import TreeError
from robot_ops.missions.tree_nodes import Attribute, ClockTimeout, Leaf, Value, ValueKind
from robot_ops.missions.xml_elements import Element, read_xml

if TYPE_CHECKING:
    from robot_ops.missions.context import MissionContext

ORDER_FIELDS: Final = ("pickup", "destination", "charger", "park")
"""What "{...}" may name: two places of the order and the robot's own two."""

_COUNT: Final = Attribute(kind=ValueKind.COUNT)
_CONTROLS: Final[Mapping[str, Mapping[str, Attribute]]] = {
    "Sequence": {},
    "ReactiveSequence": {},
    "Fallback": {},
    "ReactiveFallback": {},
    "Parallel": {
        "success_count": Attribute(kind=ValueKind.COUNT, default=-1),
        "failure_count": Attribute(kind=ValueKind.COUNT, default=1),
    },
}
_DECORATORS: Final[Mapping[str, Mapping[str, Attribute]]] = {
    "Inverter": {},
    "ForceSuccess": {},
    "ForceFailure": {},
    "KeepRunningUntilFailure": {},
    "RetryUntilSuccessful": {"num_attempts": _COUNT},
    "Timeout": {
        "msec": Attribute(kind=ValueKind.NUMBER, default=0.0),
        "seconds": Attribute(kind=ValueKind.NUMBER, default=0.0),
    },
}
_REFERENCE: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _OrderField:
    """Stands for a place that only the order tells."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Node:
    tag: str
    name: str
    values: Mapping[str, Value | _OrderField]
    children: tuple["_Node", ...]


class TreeFile:
    """The checked trees of one file; make it with `load_trees`."""

    def __init__(self, main: str, trees: Mapping[str, _Node], leaves: Mapping[str, type[Leaf]]) -> None:
        self.main = main
        self._trees = dict(trees)
        self._leaves = leaves

    def __contains__(self, tree: str) -> bool:
        return tree in self._trees

    def build(self, tree: str, context: "MissionContext") -> Behaviour:
        """Return a fresh tree for one mission.

        Raises:
            KeyError: the file has no such tree, or the order lacks a place that the tree names.
        """
        return self._build(self._trees[tree], context)

    def _build(self, node: _Node, context: "MissionContext") -> Behaviour:
        behavior = self._behavior(node, context)
        behavior.qualified_name = f"{node.tag}/{node.name}"  # the element's name, not that of py_trees' class
        return behavior

    def _behavior(self, node: _Node, context: "MissionContext") -> Behaviour:
        values: dict[str, Value] = {
            name: context.place(value.name) if isinstance(value, _OrderField) else value
            for name, value in node.values.items()
        }
        if node.tag in self._leaves:
            return self._leaves[node.tag](node.name, context, values)
        children = [self._build(child, context) for child in node.children]
        if node.tag in _DECORATORS:
            return _decorator(node, values, children[0], context)
        return _control(node, values, children)


def _control(node: _Node, values: Mapping[str, Value], children: list[Behaviour]) -> Behaviour:
    match node.tag:
        case "Sequence" | "ReactiveSequence":
            return Sequence(node.name, memory=node.tag == "Sequence", children=children)
        case "Fallback" | "ReactiveFallback":
            return Selector(node.name, memory=node.tag == "Fallback", children=children)
        case _:
            is_any = values["success_count"] == 1
            policy = ParallelPolicy.SuccessOnOne() if is_any else ParallelPolicy.SuccessOnAll(synchronise=True)
            return Parallel(node.name, policy=policy, children=children)


def _decorator(node: _Node, values: Mapping[str, Value], child: Behaviour, context: "MissionContext") -> Behaviour:
    match node.tag:
        case "Inverter":
            return Inverter(node.name, child)
        case "ForceSuccess":
            return FailureIsSuccess(node.name, child)
        case "ForceFailure":
            return SuccessIsFailure(node.name, child)
        case "KeepRunningUntilFailure":
            return SuccessIsRunning(node.name, child)
        case "RetryUntilSuccessful":
            attempts = int(str(values["num_attempts"]))
            return Retry(node.name, child, num_failures=attempts if attempts > 0 else 2**31)
        case _:
            duration = float(str(values["seconds"])) + float(str(values["msec"])) / 1000.0
            return ClockTimeout(node.name, child, context, duration)


def load_trees(path: Path, leaves: Mapping[str, type[Leaf]], *, places: Collection[str]) -> TreeFile:
    """Read and check a file of behavior trees.

    Args:
        path: the XML file.
        leaves: the leaves by their element names.
        places: ids of the site's places, that attributes may name.

    Raises:
        TreeError: the file is wrong; the text names file, line and the mend.
    """
    return _Checker(leaves, frozenset(places)).check(read_xml(path))


class _Checker:
    def __init__(self, leaves: Mapping[str, type[Leaf]], places: frozenset[str]) -> None:
        self._leaves = leaves
        self._places = places
        self._elements: dict[str, Element] = {}

    def check(self, root: Element) -> TreeFile:
        if root.tag != "root":
            raise TreeError(f"the outermost element is <{root.tag}>", where=root.where, mend="make it <root>")
        if root.attributes.get("BTCPP_format") != "4":
            raise TreeError("is not in format 4", where=root.where, mend='write <root BTCPP_format="4" ...>')
        for element in root.children:
            if element.tag != "BehaviorTree":
                raise _unknown("element", element.tag, ["BehaviorTree"], element.where)
            tree_id = _required(element, "ID")
            if tree_id in self._elements:
                first = self._elements[tree_id].where
                raise TreeError(f"there is a tree {tree_id!r} already, at {first}", where=element.where)
            self._elements[tree_id] = element
        main = root.attributes.get("main_tree_to_execute", "")
        if main not in self._elements:
            raise _unknown("main_tree_to_execute", main, self._elements, root.where)
        used = {
            e.attributes.get("ID", "") for t in self._elements.values() for e in _descendants(t) if e.tag == "SubTree"
        }
        trees = {
            tree_id: self._tree(element, {}, (tree_id,))
            for tree_id, element in self._elements.items()
            if tree_id == main or tree_id not in used
        }
        return TreeFile(main, trees, self._leaves)

    def _tree(self, element: Element, parameters: Mapping[str, str], inside: tuple[str, ...]) -> _Node:
        if len(element.children) != 1:
            raise TreeError(
                f"<BehaviorTree> has {len(element.children)} elements", where=element.where, mend="give it one"
            )
        return self._node(element.children[0], parameters, inside)

    def _node(self, element: Element, parameters: Mapping[str, str], inside: tuple[str, ...]) -> _Node:
        if element.tag == "SubTree":
            return self._subtree(element, parameters, inside)
        if element.tag in _CONTROLS:
            known, least, most = _CONTROLS[element.tag], 1, 1000
        elif element.tag in _DECORATORS:
            known, least, most = _DECORATORS[element.tag], 1, 1
        elif element.tag in self._leaves:
            known, least, most = self._leaves[element.tag].ATTRIBUTES, 0, 0
        else:
            raise _unknown("element", element.tag, [*_CONTROLS, *_DECORATORS, "SubTree", *self._leaves], element.where)
        if not least <= len(element.children) <= most:
            wanted = "none" if most == 0 else "exactly one" if most == 1 else "at least one"
            text = f"<{element.tag}> has {len(element.children)} elements inside"
            raise TreeError(text, where=element.where, mend=f"give it {wanted}")
        node = _Node(
            tag=element.tag,
            name=element.attributes.get("name", element.tag),
            values=self._values(element, known, parameters),
            children=tuple(self._node(child, parameters, inside) for child in element.children),
        )
        self._check_whole(element, node)
        return node

    def _check_whole(self, element: Element, node: _Node) -> None:
        if node.tag == "Parallel":
            if node.values["failure_count"] != 1:
                raise TreeError("failure_count must be 1", where=f"{element.where}, <Parallel>")
            if node.values["success_count"] not in (-1, 1, len(node.children)):
                mend = f"use 1 or {len(node.children)}"
                raise TreeError("success_count is neither one nor all", where=f"{element.where}, <Parallel>", mend=mend)
        if node.tag == "Timeout" and not any(node.values.values()):
            raise TreeError("has no duration", where=f"{element.where}, <Timeout>", mend="set msec or seconds")

    def _subtree(self, element: Element, parameters: Mapping[str, str], inside: tuple[str, ...]) -> _Node:
        tree_id = _required(element, "ID")
        if tree_id not in self._elements:
            raise _unknown("tree", tree_id, self._elements, element.where)
        if tree_id in inside:
            raise TreeError(f"tree {tree_id!r} contains itself", where=element.where, mend="break the circle")
        own = {
            name: self._resolve(text, parameters, f"{element.where}, {name}")
            for name, text in element.attributes.items()
            if name not in ("ID", "name", "_autoremap")
        }
        tree = self._tree(self._elements[tree_id], {**parameters, **own}, (*inside, tree_id))
        return dataclasses.replace(tree, name=element.attributes.get("name", tree_id))

    def _values(
        self, element: Element, known: Mapping[str, Attribute], parameters: Mapping[str, str]
    ) -> dict[str, Value | _OrderField]:
        values: dict[str, Value | _OrderField] = {}
        for name, text in element.attributes.items():
            if name in ("name", "ID"):
                continue
            where = f"{element.where}, <{element.tag}>"
            if name not in known:
                raise _unknown("attribute", name, ["name", *known], where)
            values[name] = self._value(known[name], self._resolve(text, parameters, where), f"{where} {name}")
        for name, attribute in known.items():
            if name in values:
                continue
            if attribute.default is None:
                where = f"{element.where}, <{element.tag}>"
                raise TreeError(f"lacks the attribute {name}", where=where, mend=f'write {name}="..."')
            values[name] = attribute.default
        return values

    def _value(self, attribute: Attribute, text: str, where: str) -> Value | _OrderField:
        reference = _REFERENCE.fullmatch(text)
        if reference:
            if attribute.kind is not ValueKind.PLACE:
                raise TreeError(f"{text} is a place and does not belong here", where=where)
            return _OrderField(name=reference[1])
        try:
            value = attribute.parse(text)
        except ValueError as error:
            raise TreeError(str(error), where=where) from error
        if attribute.kind is ValueKind.PLACE and text and text not in self._places:
            raise _unknown("place", text, self._places, where)
        return value

    def _resolve(self, text: str, parameters: Mapping[str, str], where: str) -> str:
        reference = _REFERENCE.fullmatch(text)
        if reference is None:
            return text
        name = reference[1]
        if name in parameters:
            return parameters[name]
        if name in ORDER_FIELDS:
            return text
        raise _unknown("reference", name, [*parameters, *ORDER_FIELDS], where)


def _descendants(element: Element) -> Iterable[Element]:
    for child in element.children:
        yield child
        yield from _descendants(child)


def _required(element: Element, name: str) -> str:
    if not element.attributes.get(name):
        raise TreeError(f"<{element.tag}> lacks {name}", where=element.where, mend=f'write {name}="..."')
    return element.attributes[name]


def _unknown(what: str, name: str, known: Iterable[str], where: str) -> TreeError:
    names = sorted(known)
    nearest = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    mend = f"nearest is {nearest[0]}" if nearest else f"known are {', '.join(names)}"
    return TreeError(f"unknown {what} {name!r}", where=where, mend=mend)
