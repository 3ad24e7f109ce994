"""Shared fixtures and the hypothesis profile of the unit tests."""

from pathlib import Path

import pytest
import yaml
from hypothesis import settings

import isal

settings.register_profile("isal", max_examples=25, deadline=None, derandomize=True)
settings.load_profile("isal")

LAYOUTS = Path(__file__).parents[2] / "config" / "networks.yaml"


@pytest.fixture(scope="session")
def radio():
    """Table 1 of the paper."""
    return isal.Radio()


@pytest.fixture(scope="session")
def layouts():
    """The single-slot networks of the study by name (Figure 7)."""
    tables = yaml.safe_load(LAYOUTS.read_text())["single_slot"]
    return {name: isal.Network.from_mapping(table, name) for name, table in tables.items()}


@pytest.fixture(scope="session")
def paper_network():
    """Two radars, two anchors, one target in general position: the example of Appendix A."""
    return isal.Network([[10, 20], [170, 35]], [[60, 150], [140, 90]], [[95, 70]], name="appendix")
