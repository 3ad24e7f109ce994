"""Progress of long calls: lines for whoever listens, none for a call that is over soon."""

import doctest
import json
import logging

import pytest

import isal
from isal.allocation import progress
from isal.cli import main

NETWORK = isal.Network(
    anchors=[[0, 0], [150, 0], [150, 100], [0, 100]], radars=[[50, 38], [100, 62]], targets=[[25, 75], [62, 20]]
)

CALLS = {
    "problems answered": lambda: isal.best_split(
        NETWORK, isal.Radio(), clock="asynchronous", energy=10.0, carry="held"
    ),
    "gap up to": lambda: isal.allocate(
        NETWORK, isal.Radio(), clock="synchronous", goals="worst direction", energy=10.0
    ),
}


def messages(caplog):
    return [record.getMessage() for record in caplog.records if record.name == "isal"]


@pytest.mark.parametrize("words", CALLS)
def test_a_call_that_takes_long_says_how_far_it_is(words, caplog, monkeypatch):
    monkeypatch.setattr(progress, "EVERY_S", 0.0)
    with caplog.at_level(logging.INFO, logger="isal"):
        CALLS[words]()
    assert len([message for message in messages(caplog) if words in message]) > 1


@pytest.mark.parametrize("words", CALLS)
def test_a_call_that_is_over_soon_says_nothing(words, caplog, monkeypatch):
    monkeypatch.setattr(progress, "monotonic", lambda: 0.0)
    with caplog.at_level(logging.INFO, logger="isal"):
        CALLS[words]()
    assert messages(caplog) == []


def test_lines_keep_their_distance(caplog, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress, "monotonic", lambda: now[0])
    with caplog.at_level(logging.INFO, logger="isal"):
        telling = progress.Progress()
        for second in range(13):
            now[0] = float(second)
            telling.tell("%d s", second)
    assert messages(caplog) == ["5 s", "10 s"]


def test_the_command_line_tells_it_on_standard_error(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(progress, "EVERY_S", 0.0)
    (tmp_path / "hall.json").write_text(json.dumps({"anchors": [[0, 0], [60, 0]], "radars": [[10, 20], [50, 25]]}))
    for _ in range(2):  # the second time no line is told twice
        assert main(["allocate", str(tmp_path / "hall.json"), "--energy", "1"]) == 0
        said = capsys.readouterr()
        assert said.err == "isal: allocation problems answered: 1 so far, 1 of them just now\n"
        assert "answered" not in said.out
    assert not logging.getLogger("isal").handlers


def test_the_example_holds():
    assert doctest.testmod(progress).failed == 0
