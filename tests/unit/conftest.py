"""Shared fixtures and the hypothesis profiles of the unit tests."""

import pytest
from builders import SINGLE
from hypothesis import settings

import isal

settings.register_profile("isal", max_examples=25, deadline=None, derandomize=True)
settings.register_profile("fast", settings.get_profile("isal"), max_examples=8)  # make test-fast
settings.load_profile("isal")


@pytest.fixture(scope="session")
def radio():
    """Table 1 of the paper."""
    return isal.Radio()


@pytest.fixture(scope="session")
def layouts():
    """The single-slot networks of the study by name (Figure 7)."""
    return SINGLE


@pytest.fixture(scope="session")
def paper_network():
    """Two radars, two anchors, one target in general position: the example of Appendix A."""
    return isal.Network([[10, 20], [170, 35]], [[60, 150], [140, 90]], [[95, 70]], name="appendix")
