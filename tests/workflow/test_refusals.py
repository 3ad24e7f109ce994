"""What is refused before any job starts, through Snakemake as a user calls it."""

import pytest


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("config/config.yaml", "carrier_frequency_hz: 77000000000.0", "carrier_frequency_hz: 77e9", "77e9"),
        ("config/config.yaml", "pulses: 1", "pulse: 1", "radio.pulse: unknown key (did you mean 'pulses'?)"),
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
        ("config/config.yaml", "- 7\n", "- {from: 0.000001, to: 9.9, by: 0.000001}\n", "step_1_energy_j.by: "),
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
    fresh.edit(
        "isal/solvers/interior_point.py",
        "        limits = np.array([tolerances[index] for index in piece])\n",
        "        limits = np.array([-1.0 if problems[i].energy == 7.0 else tolerances[i] for i in piece])\n",
    )
    done = fresh.run()
    assert done.returncode != 0
    assert "Why a job failed stands in its log in results/logs/" in done.stderr
    assert len(fresh.records) == 4  # 7 J is step 1 of one split of two networks
    message = "7b/synchronous/500MHz/step-by-step-held/e7000-3000: solver interior-point could not certify"
    log = fresh.folder / "results/logs/points/7b/synchronous/500MHz/step-by-step-held/e7000-3000.log"
    assert message in log.read_text()
    assert not (fresh.folder / "results/datasets/small.nc").exists()
    # the same problem is among those that all solvers are compared on
    assert message in (fresh.folder / "results/logs/agreement.log").read_text()
    assert not (fresh.folder / "results/datasets/solver_agreement.nc").exists()
