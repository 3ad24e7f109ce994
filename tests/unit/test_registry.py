"""The schemes by name: entries are complete and agree with the schema, and no other code compares names."""

import ast
import doctest
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

import isal
from isal.allocation import scheduler
from isal.errors import NetworkError
from isal.schemes import registry
from isal.schemes import schedule as schemes
from isal.schemes.carry_over import CARRIES, CARRY_OVERS
from isal.schemes.registry import ALONE, SCHEMES, STEP_BY_STEP

ROOT = Path(__file__).parents[2]
SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())


def enums(schema):
    """Every list of choices in a schema."""
    if isinstance(schema, dict):
        found = [schema["enum"]] if isinstance(schema.get("enum"), list) else []
        return found + [each for value in schema.values() for each in enums(value)]
    return [each for value in schema for each in enums(value)] if isinstance(schema, list) else []


def test_the_examples_of_the_module():
    failed, tried = doctest.testmod(registry)
    assert tried == 2
    assert not failed


def test_the_schema_has_these_schemes_and_their_colours():
    assert list(SCHEMES) in enums(SCHEMA)
    assert {scheme.colour for scheme in SCHEMES.values()} <= set(SCHEMA["properties"]["style"]["required"])


def test_every_entry_is_told_from_every_other():
    for names in (
        [scheme.label for scheme in SCHEMES.values()],
        [scheme.short for scheme in SCHEMES.values()],
        [scheme.colour for scheme in SCHEMES.values()],
        [scheme.description for scheme in SCHEMES.values()],
        [str(scheme.line) for scheme in SCHEMES.values()],
        [each.marker for each in CARRY_OVERS.values()],
    ):
        assert len(set(names)) == len(names)
        assert all(names)
    assert [scheme.name for scheme in SCHEMES.values()] == list(SCHEMES)
    assert [scheme.carry_over.name for scheme in STEP_BY_STEP.values()] == list(CARRIES)


def test_localization_leaves_out_what_an_installation_says_of_targets(paper_network):
    settings = {"cross_section_m2": {"target 1": 2.0}, "links_off": ["radar 1 - target 1", "radar 1 - anchor 2"]}
    network = replace(
        paper_network, installation=isal.Installation(**settings, path_overlap={"sensing": 0.2}, excess_noise_db=3.0)
    )
    taken = SCHEMES["localization"].takes(network).installation
    assert taken == isal.Installation(
        links_off=["radar 1 - anchor 2"], path_overlap={"sensing": 0.2}, excess_noise_db=3.0
    )
    assert SCHEMES["sensing"].takes(network).installation == network.installation


@pytest.mark.parametrize("name", SCHEMES)
def test_a_scheme_is_computed_as_the_function_of_its_kind_does(paper_network, radio, name):
    scheme = SCHEMES[name]
    taken = scheme.takes(paper_network)
    infos = schemes.slot_informations([taken], radio, "synchronous")
    energies = [1.0, 2.0] if scheme.has_steps else [3.0]
    found = scheduler.run(scheme.schedule(infos, energies, None, 1e-6), "interior-point")
    options = {"clock": "synchronous", "tolerance": 1e-6}
    if scheme.has_steps:
        carry = scheme.arguments["carry"]
        expected = isal.step_by_step(taken, radio, energies=energies, carry=carry, **options)
    else:
        expected = isal.integrated(taken, radio, energy=3.0, **options)
    np.testing.assert_array_equal(found.slots[0].power, expected.power)
    assert found.speb == expected.speb


def test_energy_is_split_over_steps_or_slots():
    with_steps = [scheme.has_steps for scheme in SCHEMES.values()]
    assert with_steps == [False, *(True for _ in CARRIES), *(False for _ in ALONE)]
    assert [scheme.has_split(1) for scheme in SCHEMES.values()] == with_steps
    assert all(scheme.has_split(2) for scheme in SCHEMES.values())
    assert [scheme.splits_slots(2) for scheme in SCHEMES.values()] == with_steps
    assert not any(scheme.splits_slots(1) for scheme in SCHEMES.values())


@pytest.mark.parametrize("n_slots", [1, 2])
def test_a_scheme_names_the_module_that_computes_it(n_slots):
    split = "best_split" if n_slots > 1 else "step_by_step"
    for scheme in SCHEMES.values():
        assert scheme.module(n_slots) == f"isal.schemes.{split if scheme.has_steps else 'integrated'}"
        assert scheme.module(n_slots, best=True) == "isal.schemes.best_split"


def test_a_scheme_for_one_task_takes_a_network_without_the_other(paper_network):
    localization, sensing = (scheme.takes(paper_network) for scheme in ALONE)
    assert (localization.n_targets, localization.n_nodes) == (0, paper_network.n_nodes)
    assert (sensing.n_targets, sensing.radars_known) == (paper_network.n_targets, True)
    assert all(scheme.takes(paper_network) is paper_network for scheme in SCHEMES.values() if not scheme.alone)
    assert ALONE[0].takes(localization).n_targets == 0
    assert ALONE[1].takes(sensing).radars_known
    for scheme, network in zip(ALONE, (sensing, localization), strict=True):
        with pytest.raises(NetworkError, match=f"^appendix: has no .*, and {scheme.name} estimates nothing else$"):
            scheme.takes(network)


@pytest.mark.parametrize(
    ("module", "unused"),
    [
        ("registry", ["isal.knowledge", "isal.matrices", "isal.model", "isal.allocation", "numpy"]),
        ("integrated", ["isal.schemes.step_by_step", "isal.schemes.best_split", "isal.schemes.search"]),
        ("step_by_step", ["isal.schemes.best_split", "isal.schemes.search"]),
    ],
)
def test_a_scheme_imports_no_code_of_other_schemes_and_its_name_none_that_computes(module, unused):
    """A stored result is stale when a module changes that it imports."""
    command = [sys.executable, "-c", f"import sys, isal.schemes.{module}; print(*sys.modules)"]
    imported = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert f"isal.schemes.{module}" in imported
    assert not set(unused) & set(imported)


def test_no_other_module_compares_or_takes_apart_names_of_schemes():
    """But for the argument ``scheme`` of :func:`isal.best_split`, which users write out."""
    parts = {*SCHEMES, "step-by-step", "step-by-step-", "step-by-step, "}
    found = []
    for path in (ROOT / "isal").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            called = node.func if isinstance(node, ast.Call) else None
            taken = isinstance(called, ast.Attribute) and called.attr in ("removeprefix", "replace", "split")
            if isinstance(node, ast.Compare) or taken:
                constants = [each.value for each in ast.walk(node) if isinstance(each, ast.Constant)]
                found += [f"{path.name}:{node.lineno}" for value in constants if value in parts]
    assert {line.split(":")[0] for line in found} <= {"best_split.py"}, found
