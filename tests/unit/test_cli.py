"""The command line."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
import yaml
from builders import ROOT

import isal
from isal.cli import main

NETWORKS = str(ROOT / "config/networks.yaml")
HALL = {"anchors": [[0, 0], [60, 0]], "radars": [[10, 20], [30, 10]], "target": [22, 28]}
RADIO = isal.Radio()


@pytest.fixture
def told(tmp_path, monkeypatch, capsys):
    """Calls `isal` in an empty folder with hall.json; returns exit code, what it printed, and what it complained of."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hall.json").write_text(json.dumps(HALL))

    def run(arguments):
        code = main(shlex.split(arguments))
        return code, *capsys.readouterr()

    return run


def hall(**changes):
    return isal.Network.from_mapping(HALL | changes, "hall")


# --- allocate ---------------------------------------------------------------------------------------------------------

SLOTS = [hall(), hall(target=[25, 30])]


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ("hall.json --energy 1", lambda: isal.integrated(hall(), RADIO, clock="synchronous", energy=1)),
        (
            "hall.json --energy 1 --scheme step-by-step-marginal --clock asynchronous",
            lambda: isal.best_split(hall(), RADIO, clock="asynchronous", energy=1, carry="marginal"),
        ),
        (
            "hall.json --energies 0.3,0.7 --scheme step-by-step-held",
            lambda: isal.step_by_step(hall(), RADIO, clock="synchronous", energies=(0.3, 0.7)),
        ),
        (
            "slots.yaml --energies 0.3,0.7",
            lambda: isal.integrated(SLOTS, RADIO, clock="synchronous", energies=(0.3, 0.7)),
        ),
        (
            "slots.yaml --energies 0.1,0.2/0.3,0.4 --scheme step-by-step-joint",
            lambda: isal.step_by_step(
                SLOTS, RADIO, clock="synchronous", energies=((0.1, 0.2), (0.3, 0.4)), carry="joint"
            ),
        ),
        (
            "slots.yaml --energy 1",
            lambda: isal.best_split(SLOTS, RADIO, clock="synchronous", energy=1, scheme="integrated"),
        ),
        (
            "hall.json --energy 1 --cap 0.6 --anchor-cap 0 --set bandwidth_hz=1e9 --set pulse=flat --radio radio.yaml",
            lambda: isal.integrated(
                hall(),
                isal.Radio(bandwidth_hz=1e9, pulse="flat", pulses=3),
                clock="synchronous",
                energy=1,
                caps=[0.6, 0.6, 0, 0],
            ),
        ),
        (
            "hall.json --energy 1 --scheme localization",
            lambda: isal.integrated(
                isal.Network(HALL["anchors"], HALL["radars"]), RADIO, clock="synchronous", energy=1
            ),
        ),
        (
            "slots.yaml --energy 1 --scheme sensing",
            lambda: isal.best_split(
                [hall(radars_known=True), hall(target=[25, 30], radars_known=True)],
                RADIO,
                clock="synchronous",
                energy=1,
                scheme="integrated",
            ),
        ),
        ("hall.json --energy 1 --solver scs", lambda: isal.integrated(hall(), RADIO, clock="synchronous", energy=1)),
    ],
)
def test_allocate_prints_what_the_functions_find(told, tmp_path, arguments, found):
    (tmp_path / "slots.yaml").write_text(yaml.safe_dump([HALL, HALL | {"target": [25, 30]}]))
    (tmp_path / "radio.yaml").write_text("pulses: 3\nbandwidth_hz: 1\n")
    code, printed, complained = told(f"allocate {arguments}")
    assert (code, complained) == (0, "")
    bounds = r"(?<=: )\S+ m\^2 \(RMSE \S+ \w+\)"
    expected = repr(found()).replace("'network'", "'hall'")
    assert re.findall(bounds, printed) == re.findall(bounds, expected)
    kind = type(found()).__name__
    assert printed.startswith(f"{kind} of '{'slots' if 'slots' in arguments else 'hall'}', ")


@pytest.mark.parametrize("name", ["7c", "8b", "sensing"])
def test_a_network_of_a_file_of_many_is_named(told, name):
    code, printed, _ = told(f"allocate {NETWORKS} --network {name} --energy 10")
    assert code == 0
    assert f"of '{name}', " in printed


def test_the_file_of_a_study_holds_networks_too(told, tmp_path):
    (tmp_path / "my.yaml").write_text(yaml.safe_dump({"networks": {"single_slot": {"a": HALL}}}))
    code, printed, _ = told("allocate my.yaml --energy 1")
    assert (code, printed.splitlines()[0]) == (0, "SlotResult of 'a', synchronous, optimal")


def test_a_result_is_stored_in_three_forms(told):
    best = isal.step_by_step(hall(), RADIO, clock="synchronous", energies=(0.3, 0.7), carry="held")
    for suffix in ("json", "nc", "csv"):
        asked = f"allocate hall.json --energies 0.3,0.7 --scheme step-by-step-held --output held.{suffix}"
        assert told(asked)[::2] == (0, "")
    table = json.loads(Path("held.json").read_text())
    assert table["scheme"] == "step-by-step-held"
    assert isal.Network.from_mapping(table["slots"][0]["positions_m"], "hall") == hall()
    assert isal.Radio(**table["radio"]) == RADIO
    steps = table["slots"][0]["steps"]
    assert [list(step["power_w"].values()) for step in steps] == best.power.tolist()
    assert (table["speb_m2"], table["lower_bound_m2"]) == (best.speb, best.lower_bound)
    assert (table["solver"], table["cap_w"]) == ("interior-point", [1, 1, 1, 1])
    with xr.open_dataset("held.nc") as dataset:
        np.testing.assert_array_equal(dataset.power, best.power)
        assert dataset.attrs["scheme"] == "step-by-step-held"
        assert dataset.attrs["isal"] == isal.__version__
    powers = pd.read_csv("held.csv", index_col="node")
    np.testing.assert_allclose(powers.to_numpy().T, best.power)
    assert list(powers.index) == list(hall().node_labels)


@pytest.mark.parametrize("file", ["hall.json", "slots.yaml"])
def test_the_least_energy_is_stored_in_three_forms(told, tmp_path, file):
    (tmp_path / "slots.yaml").write_text(yaml.safe_dump([HALL, HALL | {"target": [25, 30]}]))
    asked = f"allocate {file} --clock asynchronous --radar-cap 5 --output least"
    for suffix in ("json", "nc", "csv"):
        code, printed, complained = told(f"{asked}.{suffix} --requirement 0.05")
        assert (code, complained) == (0, "")
    slots = [hall(), hall(target=[25, 30])][: 1 + (file != "hall.json")]
    given = {"clock": "asynchronous", "requirements": 0.05, "caps": [5.0, 5.0, np.inf, np.inf]}
    best = isal.allocate(slots[0], RADIO, **given) if len(slots) == 1 else isal.horizon(slots, RADIO, **given)
    assert f"{best.energy:.4g} J" in printed
    table = json.loads(Path("least.json").read_text())
    assert (table["energy_j"], table["cap_w"]) == (best.value, [5.0, 5.0, None, None])
    assert table["errors_m"] == best.errors
    powers = [list(slot["power_w"].values()) for slot in table["slots"]]
    assert powers == np.atleast_2d(best.power).tolist()
    with xr.open_dataset("least.nc") as dataset:
        assert dict(dataset.sizes) == {"node": 4, "goal": len(slots)} | ({"slot": 2} if len(slots) > 1 else {})
        np.testing.assert_array_equal(dataset.power, best.power)
        np.testing.assert_allclose(np.sqrt(dataset.bound), list(best.errors.values()))
        assert dataset.attrs["lower_bound"] == best.lower_bound
    np.testing.assert_allclose(pd.read_csv("least.csv", index_col="node").to_numpy().T, np.atleast_2d(best.power))


def test_requirements_by_name(told):
    code, printed, _ = told("allocate hall.json --requirement 'target 1=0.05' --requirement 'radar 1 x=0.01'")
    best = isal.allocate(hall(), RADIO, clock="synchronous", requirements={"target 1": 0.05, "radar 1 x": 0.01})
    assert (code, repr(best).splitlines()[1]) == (0, printed.splitlines()[1])


def test_a_split_is_stored_with_its_proof(told):
    assert told("allocate hall.json --energy 1 --scheme step-by-step-held --output split.json")[0] == 0
    assert json.loads(Path("split.json").read_text())["proof"] == "every split"


def test_what_is_not_certified_is_a_warning_or_refused(told):
    asked = "allocate hall.json --energy 1 --scheme step-by-step-plug-in"
    code, printed, complained = told(asked)
    assert (code, complained.count("\n")) == (0, 1)
    assert complained.startswith("isal: warning: hall: not certified, as the gap is slot 1, targets: ")
    assert "local" in printed
    code, printed, complained = told(f"{asked} --require-certified")
    assert (code, printed) == (2, "")
    assert complained.startswith("isal: error: hall: not certified")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("none.json --energy 1", "none.json: can't be read"),
        ("hall.json --energy -1", "energy must be finite and positive"),
        ("hall.json --energies 1,2", "hall: one slot takes energy=..."),
        ("hall.json --energy 1 --clock sideways", "clock must be one of synchronous, asynchronous; got 'sideways'"),
        ("hall.json --energy 1 --solver magic", "magic"),
        ("hall.json --energy 1 --network a", "hall.json: holds one network, without a name; leave out --network"),
        ("hall.json --energy 1 --set pulse", "radio: pulse: "),
        ("hall.json --requirement 5cm", "--requirement: '5cm' is neither a number of metres nor NAME=M"),
        ("hall.json --requirement 1 --requirement 2", "--requirement: give one number for every target, or each name"),
        ("hall.json --requirement 1 --scheme localization", "leave out --scheme localization"),
        ("hall.json --requirement 0.001 --cap 0.1", "no powers within the caps and limits meet the requirements"),
        ("hall.json --energy 1 --set pulses=many", "radio: pulses must be a finite number, got 'many'"),
        ("hall.json --energy 1 --set power=1", "radio: unknown key 'power'; a radio takes carrier_frequency_hz, "),
        ("hall.json --energy 1 --radio list.json", "list.json: holds no table of keys; a radio takes "),
        ("hall.json --energy 1 --output a.txt", "--output: a.txt must end with .json, .nc, .csv"),
        ("hall.json --energy 1 --output none/a.nc", "--output: there is no folder none; make it first"),
        ("hall.json --energy 1 --output ./hall.json", "--output: hall.json is the file of the network"),
        ("hall.json --energy 1 --output folder.json", "--output: folder.json can't be written (Is a directory)"),
        ("list.json --energy 1", "list.json: 3 is no table of positions; it takes resources, anchors, "),
        ("typo.json --energy 1", "typo.json: unknown key 'anchor'; a network takes resources, anchors, "),
        ("both.json --energy 1", "both.json: has both 'target' and 'targets'; keep one"),
        ("no.json --energy 1", "no.json: radars_known: 'no' is not true or false"),
        ("near.json --energy 1", "near.json: near: radar 1 and anchor 1 coincide at [0.0, 0.0] m"),
        ("odd.json --energy 1", "odd.json: holds no networks\n"),
        (f"{NETWORKS} --energy 1", "networks.yaml: holds several networks; give --network, one of 7a, 7b, "),
        (
            f"{NETWORKS} --energy 1 --network 9z",
            "networks.yaml: holds no network '9z'; give --network, one of 7a, 7b, ",
        ),
    ],
)
def test_what_cannot_be_solved_ends_with_one_message(told, tmp_path, asked, message):
    files = {
        "list": [3],
        "typo": HALL | {"anchor": [1, 2]},
        "both": HALL | {"targets": []},
        "odd": {"single_slot": [1]},
        "no": HALL | {"radars_known": "no"},
        "near": HALL | {"radars": [[0, 0], [1, 1]]},
    }
    for name, content in files.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    (tmp_path / "folder.json").mkdir()
    code, _, complained = told(f"allocate {asked}")
    assert code == 2
    assert complained.startswith("isal: error: ")
    assert message in complained
    assert "Traceback" not in complained


@pytest.mark.parametrize("asked", ["hall.json", "hall.json --energies 1,x", "hall.json --energy 1 --scheme best"])
def test_a_wrong_command_line_shows_the_usage(told, capsys, asked):
    with pytest.raises(SystemExit) as ended:
        told(f"allocate {asked}")
    assert ended.value.code == 2
    assert "usage: isal allocate" in capsys.readouterr().err


def test_the_page_prints_what_it_says(told, tmp_path):
    page = (ROOT / "docs/python.md").read_text(encoding="utf-8")
    (table,), (block,) = (re.findall(rf"```{kind}\n(.*?)```", page, re.DOTALL) for kind in ("json", "console"))
    (tmp_path / "hall.json").write_text(table)
    commands = re.findall(r"^\$ isal (.*)\n((?:(?!\$).*\n)*)", block, re.MULTILINE)
    assert len(commands) == 3
    for command, said in commands:
        code, printed, _ = told(command)
        assert (code, re.sub(r"gap \S+", "", printed)) == (0, re.sub(r"gap \S+", "", said))


# --- what it takes ----------------------------------------------------------------------------------------------------

WITHOUT = """
import sys
from importlib.machinery import PathFinder

found = PathFinder.find_spec
PathFinder.find_spec = lambda name, *rest: None if name.partition(".")[0] in {missing!r} else found(name, *rest)
from isal.cli import main

try:
    code = main(sys.argv[1:])
except SystemExit as ended:  # of argparse
    code = ended.code
print(sorted({{name.partition(".")[0] for name in sys.modules}} & {watched!r}))
raise SystemExit(code)
"""
STUDY = {"snakemake", "yaml", "jsonschema", "xarray", "netCDF4", "pandas", "matplotlib", "scs", "cvxpy", "clarabel"}


def without(missing, *arguments, folder):
    """`isal` in an interpreter that lacks some packages; the last line says which of the heavy ones it imported."""
    code = WITHOUT.format(missing=missing, watched=STUDY | {"numpy"})
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def test_allocate_of_json_needs_the_core_alone(told, tmp_path):
    done = without(STUDY, "allocate", "hall.json", "--energy", "1", "--output", "best.json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "['numpy']"
    assert (tmp_path / "best.json").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("allocate", NETWORKS, "--energy", "1"), "networks.yaml is no JSON, and YAML needs pyyaml, which is not "),
        (("allocate", "hall.json", "--energy", "1", "--output", "a.nc"), "--output a.nc needs xarray, which is not "),
        (("status",), "this command needs snakemake, which is not installed: pip install 'isal-uwb[study]'"),
    ],
)
def test_a_missing_package_is_named(told, tmp_path, arguments, message):
    done = without(STUDY, *arguments, folder=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_help_is_there_at_once(tmp_path):
    done = without(set(), "allocate", "--help", folder=tmp_path)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "[]")
    assert "--energies J,J" in done.stdout


# --- study init -------------------------------------------------------------------------------------------------------


def test_init_writes_the_example_of_the_page_and_says_what_comes_next(told, tmp_path):
    code, printed, _ = told("study init studies/hall")
    assert code == 0
    written = yaml.safe_load((tmp_path / "studies/hall/my.yaml").read_text())
    assert written["results"] == "results/mine"
    assert list(written["studies"]) == ["hall"]
    assert "    cd studies/hall\n" in printed
    assert f"    snakemake -s {ROOT / 'Snakefile'} --cores " in printed
    assert "pip install" not in printed


def test_init_overwrites_nothing(told, tmp_path):
    (tmp_path / "my.yaml").write_text("mine: 1\n")
    assert told("study init .") == (2, "", "isal: error: my.yaml is there already; choose another folder\n")
    assert (tmp_path / "my.yaml").read_text() == "mine: 1\n"
    code, _, complained = told("study init hall.json")
    assert code == 2
    assert "hall.json" in complained


def test_init_says_what_to_install_first(tmp_path):
    done = without({"snakemake"}, "study", "init", "hall", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "    pip install 'isal-uwb[study]'" in done.stdout
