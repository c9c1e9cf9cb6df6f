import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from robot_ops.core.ids import NodeId
from robot_ops.site.ways import parts, reach, turned

NODES = [NodeId(f"n{index}") for index in range(8)]
WAYS = st.fixed_dictionaries({node: st.sets(st.sampled_from(NODES)) for node in NODES})


@given(ways=WAYS)
def test_parts_are_the_strongly_connected_components(ways: dict[NodeId, set[NodeId]]) -> None:
    graph = nx.DiGraph((start, end) for start, ends in ways.items() for end in ends)
    graph.add_nodes_from(NODES)
    expected = {frozenset(part) for part in nx.strongly_connected_components(graph)}
    assert {frozenset(part) for part in parts(ways)} == expected


@given(ways=WAYS)
def test_who_is_reached_reaches_back_on_turned_ways(ways: dict[NodeId, set[NodeId]]) -> None:
    for start in NODES:
        for end in reach(ways, start):
            assert start in reach(turned(ways), end)
