"""Layouts that nothing can be computed for, or nothing certified: each has a message with network, nodes, way out."""

import math
import re

import pytest
from builders import CONFIG, NETWORKS, SINGLE, defaults

from isal import Network, NetworkError
from isal.model.radio import Radio
from isal.study import config
from isal.study.samples import observable
from isal.workflow.plan import Plan

ANCHORS, RADARS, TARGET = [[20, 180], [180, 180]], [[45, 71], [91, 65]], [65, 45]
PARTS = "its links can't tell apart the parameters"
EVERYTHING = "radar 1 x, radar 1 y, radar 2 x, radar 2 y, target 1 x, target 1 y"


def plan_of(single, dual=None, *, clock="synchronous", sigma=10, caps=None):
    """A plan whose only study, of the integrated scheme, is about one network."""
    content = defaults() | {"deployments": {}}  # of the paper's networks
    content["radio"]["radar_cross_section_m2"] = sigma
    content["power_caps_w"] |= caps or {}
    study = content["studies"]["bandwidths"] | {"networks": ["site"], "clocks": [clock], "schemes": ["integrated"]}
    if dual is None:
        del study["step_1_energy_j"]
    else:
        study["slot_1_energy_j"] = study.pop("step_1_energy_j")
    content |= {"studies": {"one": study}, "figures": {"formats": ["pdf"], "draw": {}}}
    layouts = (
        {"note": "n", "single_slot": {"site": single}} if dual is None else {"note": "n", "dual_slot": {"site": dual}}
    )
    config.validate(layouts, "networks", NETWORKS)
    return Plan.of(config.parse({"config": content, "networks": layouts}, CONFIG))


def layout(**changes):
    return {
        key: value
        for key, value in ({"anchors": ANCHORS, "radars": RADARS, "target": TARGET} | changes).items()
        if value is not None
    }


@pytest.mark.parametrize(
    ("single", "message"),
    [
        (
            layout(anchors=[[1, 2], [1, 2]]),
            "site: anchor 1 and anchor 2 coincide at [1.0, 2.0] m (0 m apart); move one of them by at least 0.001 m",
        ),
        (
            layout(target=[91, 65]),
            "site: radar 2 and target 1 coincide at [91.0, 65.0] m (0 m apart); move one of them by at least 0.001 m",
        ),
        (
            layout(radars=[[0, 5], [1e-9, 5]]),
            "site: radar 1 and radar 2 coincide at [0.0, 5.0] m (1e-09 m apart); move one of them by at least 0.001 m",
        ),
        (
            layout(radars=[[0, 5], [0, 1e9]]),
            "single_slot.site.radars[1][1]: 1000000000.0 is out of range. A coordinate in metres; at least -1e+06, at "
            "most 1e+06",
        ),
        (layout(radars=[[math.nan, 5]]), "single_slot.site.radars[0][0]: nan is not a finite number"),
        (
            layout(anchors=[[0, 0], [1e6, 1e5]], radars=[[5, 5], [5.002, 5]]),
            "site: its links are too unlike, 0.002 m (radar 1 to radar 2) and 2.01e+06 m (anchor 2 by target 1 to "
            "anchor 2), more than 1 to 2000; move these nodes, or leave some out",
        ),
        (
            layout(anchors=[[0, 0], [100, 0]], radars=[[30, 0], [60, 0]], target=[80, 0]),
            f"site: {PARTS} radar 1 y, radar 2 y, target 1 y in synchronous mode; all its nodes and targets lie on one "
            "line, or almost; move one off it",
        ),
        (
            layout(anchors=[[0, 0], [100, 200]], radars=[[30, 60], [60, 120.05]], target=[80, 160]),
            f"site: its links can't tell apart well the parameters {EVERYTHING} in synchronous mode; all its nodes and "
            "targets lie on one line, or almost; move one off it",
        ),
        (
            layout(anchors=[[20, 180]]),
            f"site: {PARTS} {EVERYTHING} in synchronous mode; all "
            "of it is free to turn about its only anchor; give at least two anchors",
        ),
        (
            layout(anchors=None),
            f"site: {PARTS} {EVERYTHING} in synchronous mode; all "
            "of it is free to shift and turn, as it has no anchor; give at least two anchors",
        ),
        (
            layout(anchors=[[0, 0]], radars=None, target=[30, 0]),
            f"site: {PARTS} target 1 y in synchronous mode; one node measures one distance of each target; add an "
            "anchor or a radar",
        ),
        (
            layout(anchors=None, radars=None),
            "single_slot.site: no anchors and no radars; give at least one active node",
        ),
        (
            layout(radars=None, target=None),
            "single_slot.site: nothing to estimate; give a target, or radars whose positions are unknown",
        ),
        (
            layout(radars_known=True, target=None),
            "single_slot.site: nothing to estimate; give a target, or radars whose positions are unknown",
        ),
        (
            layout(anchors=[[number, number % 7] for number in range(999)]),
            "single_slot.site: has 1001 anchors and radars and 1 targets, up to 2,004,002 links; the limits are 1,000 "
            "nodes and targets and 1,000,000 links. Leave some out",
        ),
    ],
    ids=[
        "coincident anchors", "target on a radar", "a nanometre", "a million km", "nan", "too unlike", "line",
        "almost a line", "one anchor", "no anchor", "one node", "no node", "no radar, no target", "nothing unknown",
        "too many",
    ],
)  # fmt: skip
def test_the_message_names_file_network_nodes_and_the_way_out(single, message):
    with pytest.raises(config.ConfigError) as error:
        plan_of(single)
    assert str(error.value) == f"{NETWORKS}: {message}"


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (
            layout(target=[45, 71]),
            "slot 2 of site: radar 1 and target 1 coincide at [45.0, 71.0] m (0 m apart); move one of them by at least "
            "0.001 m",
        ),
        (
            layout(anchors=ANCHORS[:1]),
            "site: slot 2 has 1 anchors and slot 1 has 2; the slots of a schedule need equal numbers",
        ),
        (
            layout(anchors=[[0, 0], [100, 0]], radars=[[30, 0], [60, 0]], target=[80, 0]),
            f"slot 2 of site: {PARTS} radar 1 y, radar 2 y, target 1 y in synchronous mode; all its nodes and targets "
            "lie on one line, or almost; move one off it",
        ),
    ],
    ids=["coincident", "unlike", "line"],
)
def test_of_several_slots_the_one_at_fault_is_named(second, message):
    with pytest.raises(config.ConfigError) as error:
        plan_of(None, [layout(), second])
    assert str(error.value) == f"{NETWORKS}: {message}"


def test_a_network_is_judged_with_the_radio_of_the_configuration():
    """Radar and target off the line determine each other by sensing alone, which a small cross section makes weak."""
    off = layout(anchors=[[0, 0], [90, 180]], radars=[[40, 80]], target=[50, 30])
    plan_of(off)
    with pytest.raises(config.ConfigError, match="can't tell apart well the parameters radar 1 x, radar 1 y, target"):
        plan_of(off, sigma=1e-2)


def test_a_layout_without_radars_is_no_error():
    """Three anchors sense one target."""
    assert len(plan_of(layout(anchors=[[0, 0], [50, 9], [100, 0]], radars=None)).points) == 2


def test_layouts_that_the_findings_can_not_be_made_of_are_left_out():
    good = layout(anchors=[[20, 180], [180, 180], [30, 10]])
    on_a_line = layout(anchors=[[0, 0], [100, 0]], radars=[[40, 0]], target=[50, 30])  # lost without its target
    assert observable([Network.from_mapping(good)], Radio())
    assert not observable([Network.from_mapping(on_a_line)], Radio())
    assert [sample.name for sample in plan_of(good).layout_samples] == ["site"]
    assert plan_of(on_a_line).layout_samples == []
    assert plan_of(layout(target=None)).layout_samples == []


@pytest.mark.parametrize("value", [1e9, -2e6, 1e200, 1.7e308])
def test_a_coordinate_out_of_bounds_is_refused_without_a_configuration(value):
    message = f"site: radar 2 at [{value}, 0.0] m is more than 1e+06 m from the origin along an axis; check the unit"
    with pytest.raises(NetworkError, match=re.escape(message)):
        Network(ANCHORS, [[1, 2], [value, 0]], name="site")


def test_a_whole_number_beyond_floating_point_is_no_position():
    with pytest.raises(NetworkError, match=r"site: radars must be a list of \[x, y\], or of \[x, y, z\], in metres"):
        Network(ANCHORS, [[10**400, 0]], name="site")


def test_the_layouts_of_the_paper_are_well_determined():
    for name, network in SINGLE.items():
        assert observable([network], Radio()), name


def test_nodes_that_may_not_transmit_count_before_anything_is_solved():
    """One way alone does not tell a radar's place from its clock offset."""
    only_radar = layout(radars=[[45, 71]], target=None)
    with pytest.raises(config.ConfigError) as error:
        plan_of(only_radar, clock="asynchronous", caps={"radars": "budget", "anchors": 0})
    assert f"{NETWORKS}: site: its links can't tell apart" in str(error.value)
    assert "as some nodes may not transmit; give their power caps another value than 0, or" in str(error.value)
    plan_of(only_radar, clock="asynchronous")
    plan_of(only_radar, clock="synchronous", caps={"radars": "budget", "anchors": 0})


def test_a_configuration_in_which_no_node_may_transmit_is_refused():
    with pytest.raises(config.ConfigError, match=r"config\.yaml: power_caps_w: no node may transmit; give radars or"):
        plan_of(layout(), caps={"radars": 0, "anchors": 0.0})
