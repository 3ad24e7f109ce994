"""What is refused before any job starts, through Snakemake as a user calls it."""

import json
import re

import pytest
from dry_runs import dry_run
from synthetic_logs import write_folder


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("config/config.yaml", "carrier_frequency_hz: 77000000000.0", "carrier_frequency_hz: 77e9", "77e9"),
        ("config/config.yaml", "pulses: 1", "pulsess: 1", "radio.pulsess: unknown key (did you mean 'pulses'?)"),
        ("config/config.yaml", "\nsolver: ", "\nsolver: scs\nsolver: ", "the key 'solver' stands twice"),
        ("config/config.yaml", "radars: budget", "radars: -1", "power_caps_w.radars: -1"),
        ("config/config.yaml", "- 7c", "- 7e", "there is no network '7e'"),
        ("config/config.yaml", "step-by-step-held", "step-by-step", "did you mean 'step-by-step-held'?"),
        ("config/networks.yaml", "- 45\n      - 71", "- 65\n      - 45", "radar 1 and target 1 coincide"),
        ("config/networks.yaml", "- 45\n      - 71", "- .nan\n      - 71", "single_slot.7c.radars[0][0]: nan"),
        (
            "config/networks.yaml",
            "- - 180\n      - 180\n    radars:\n    - - 45",
            "radars:\n    - - 45",
            "7c: its links",
        ),
        ("config/config.yaml", "- 7\n", "- {from: 0.000001, to: 9.9, by: 0.000001}\n", "step_1_energy_j[1].by: "),
        ("config/config.yaml", "results: results", "results: a{b}", "results: 'a{b}' has { and }"),
    ],
)
def test_a_bad_configuration_is_refused_by_name(fresh, file, old, new, message):
    fresh.configure(lambda content: None, "config/networks.yaml")  # one value per line
    fresh.edit(file, old, new)
    done = fresh.run()
    assert done.returncode != 0
    assert message in done.stdout + done.stderr
    assert file.split("/")[1] in done.stdout + done.stderr
    assert not (fresh.folder / "results").exists()


def test_an_uncertified_point_fails_with_its_reason_and_the_others_finish(fresh):
    """A solver that gets nowhere on one point."""
    fresh.use_faulty_solver()
    fresh.order_fault("uncertified", 7.0)
    done = fresh.run()
    assert done.returncode != 0
    assert "Why a job failed stands in its log in results/logs/" in done.stderr
    solved = [name for name in fresh.records if name.startswith("points/")]
    assert len(solved) == 4  # 7 J is step 1 of one split of two networks
    message = "7b/synchronous/500MHz/step-by-step-held/e7000-3000: solver interior-point could not certify"
    log = fresh.folder / "results/logs/points/7b/synchronous/500MHz/step-by-step-held/e7000-3000.log"
    assert message in log.read_text()
    assert not (fresh.folder / "results/datasets/small.nc").exists()
    # the same problem is among those that all solvers are compared on
    assert message in (fresh.folder / "results/logs/agreement.log").read_text()
    assert not (fresh.folder / "results/datasets/solver_agreement.nc").exists()


def dry(project, *arguments):
    return dry_run(["--cores", "2", *arguments], project.folder, project.environment())


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ("results=2025_11_25", "--config: results: 20251125 is not text"),
        ("results='20251125'", "--config: results: 20251125 is not text"),
        ("radio={pulses: 10}", "--config: radio.pulses: '10' is text, not a number"),
        ("results=mine #2", "--config: results: Snakemake makes 'mine' of 'mine #2'"),
    ],
)
def test_advice_about_the_command_line_is_accepted(fresh, argument, told):
    """By Snakemake itself, whose ways with `--config` the advice is about."""
    code, text = dry(fresh, "--config", argument)
    assert code != 0
    assert told in text
    if found := re.search(r"write (results=\S+)\.", text):
        advice = ("--config", found[1])
    else:
        found = re.search(r"write (.*) into a file, (\S+), and give it with (--configfile my\.yaml)", text)
        (fresh.folder / found[2]).write_text(found[1])
        advice = found[3].split()
    code, text = dry(fresh, *advice)
    assert code == 0, text


def test_a_message_names_the_file_that_holds_the_key(fresh):
    """The last of several counts, and the command line before all."""
    (fresh.folder / "one.yaml").write_text("radio: {pulses: 0, system_loss_db: -1}")
    (fresh.folder / "two.json").write_text(json.dumps({"radio": {"pulses": -1}, "solver": "x"}, indent="\t"))
    fresh.edit("config/config.yaml", "antenna_gain_db: 10", "antenna_gain_db: 1e1")
    code, text = dry(fresh, "--configfile", "one.yaml", "two.json", "--config", "solver=y")
    assert code != 0
    for message in (
        "one.yaml: radio.system_loss_db: -1 is out of range",
        "two.json: radio.pulses: -1 is out of range",
        "--config: solver: 'y' is not one of",
        "config/config.yaml: radio.antenna_gain_db: '1e1' is text, not a number; write 10 without quotes",
    ):
        assert message in text
    code, text = dry(fresh, "--replace-workflow-config", "--configfile", "one.yaml")
    assert code != 0
    assert "one.yaml: studies: is missing" in text


def test_what_is_hardly_meant_is_doubted_once(fresh):
    """In a dry run, and not again by the jobs of a run, which read the configuration, too."""
    (fresh.folder / "my.json").write_text('{\n\t"findings": {"bandwidth_hz": 500}\n}')
    doubt = "my.json: findings.bandwidth_hz: is a bandwidth of 500 Hz; write 5.0e+8 if MHz are meant"
    code, text = dry(fresh, "--configfile", "my.json")
    assert (code, text.count(doubt)) == (0, 1)
    done = fresh.succeed("2025_11_25/figures/maps.svg", "--configfile", "my.json", "--config", "results=./2025_11_25")
    assert (done.stdout + done.stderr).count(doubt) == 1
    assert (fresh.folder / "2025_11_25/figures/maps.svg").exists()


def test_measurements_are_looked_for_before_any_job_starts(fresh):
    """Relative to the working directory, and by the names of files."""
    code, text = dry(fresh, "--config", "measurements=logs")
    assert code != 0
    assert f"--config: measurements: {fresh.folder / 'logs'}: no such folder; name one with static/" in text
    write_folder(fresh.folder / "logs")
    assert "write_measurements" in fresh.plan("--config", "measurements=logs")
    (fresh.folder / "logs/dynamic/LOS_walk/trajectory.csv").unlink()
    code, text = dry(fresh, "--config", "measurements=logs")
    assert code != 0
    assert "logs/dynamic/LOS_walk: no trajectory.csv in it" in text
    assert "write_measurements" not in fresh.plan()
