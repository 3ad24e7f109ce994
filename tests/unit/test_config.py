"""Validation of configurations: what is refused, and what the message says."""

import copy
import math
import re
import subprocess
from decimal import Decimal
from itertools import product

import pytest
import yaml
from builders import CONFIG as LABEL
from builders import ROOT, content_of, defaults
from snakemake.cli import parse_config
from snakemake.utils import update_config

from isal.model import pulse
from isal.model.pulse import PULSES
from isal.study import config, config_keys, sources

pytestmark = pytest.mark.any_kernel


def load(content):
    return config.load(content, LABEL, [ROOT])


def refusal(content):
    with pytest.raises(config.ConfigError) as error:
        load(content)
    return str(error.value)


def put(content, path, value):
    """A copy of ``content`` with ``value`` at a dotted path."""
    content = copy.deepcopy(content)
    *parents, last = path.split(".")
    inner = content
    for key in parents:
        inner = inner[key]
    inner[last] = value
    return content


def test_the_defaults_are_accepted():
    configuration = load(defaults())
    assert set(configuration.studies) >= {"synchronous_single_slot", "bandwidths"}
    assert configuration.radar_cap_w is None


def test_smoke_overrides_only_keys_that_exist():
    """A key that is not in the defaults would be a second place to document."""

    def check(extra, base, path=""):
        for key, value in extra.items():
            assert key in base, f"{path}{key}"
            if isinstance(value, dict) and isinstance(base[key], dict) and "from" not in base[key]:
                check(value, base[key], f"{path}{key}.")

    check(content_of("config/smoke.yaml"), defaults())


STUDY = "studies.bandwidths"


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("radio.carrier_frequency_hz", "77e9", ["'77e9' is text, not a number; write 7.7e+10", "Carrier frequency"]),
        ("radio.pulses", True, ["radio.pulses: True"]),
        ("radio.pulses", 0, ["radio.pulses: 0 is out of range", "at least 1"]),
        ("radio.radar_cross_section_m2", -10, ["-10 is out of range", "above 0"]),
        ("radio.radar_cross_section_m2", math.inf, ["inf is not a finite number"]),
        ("radio.sigma", 10, ["radio.sigma: unknown key", "radar_cross_section_m2"]),
        (
            "radio.pulse",
            "flt",
            ["'flt' is not one of as-printed, flat", "did you mean 'flat'", "Or root-raised-cosine- with"],
        ),
        ("radio.pulse", "root-raised-cosine-2", ["'root-raised-cosine-2' is not one of", "roll-off from 0 to 1"]),
        ("radio.pulse", "flat\n", ["radio.pulse: 'flat\\n' is not one of"]),
        ("radio.pulse", 1.0, ["radio.pulse: 1.0 is not one of"]),
        ("tolerance", math.nan, ["tolerance: nan is not a finite number"]),
        ("solver", "SCS", ["'SCS' is not one of scs", "did you mean 'scs'?"]),
        ("points_per_job", 2.5, ["points_per_job: 2.5"]),
        ("agreement.points_per_curve", 0, ["agreement.points_per_curve: 0 is out of range", "at least 1"]),
        ("agreement", {}, ["agreement.points_per_curve: is missing"]),
        ("power_caps_w.radars", -1, ["power_caps_w.radars: -1", "budget"]),
        ("power_caps_w.anchors", "1e0", ["'1e0' is text, not a number; write 1 without quotes"]),
        ("style.radar", "red", ["style.radar: 'red' is not of the required form", "#rrggbb"]),
        ("studies", None, ["studies: None"]),
        (f"{STUDY}.networks", ["7e"], ["there is no network '7e'"]),
        (f"{STUDY}.networks", "7a", [f"{STUDY}.networks: '7a'"]),
        (f"{STUDY}.networks", ["8a"], ["step_1_energy_j: has no use"]),
        (f"{STUDY}.networks", ["7a", "8a"], ["have different numbers of slots"]),
        ("studies.synchronous_dual_slot.networks", ["7a"], ["slot_1_energy_j: has no use with 7a"]),
        (
            f"{STUDY}.clocks",
            ["asynchronous"],
            ["step_2_energy_j: is missing", "need step_1_energy_j and step_2_energy_j"],
        ),
        (f"{STUDY}.schemes", ["integrated"], ["step_1_energy_j: has no use"]),
        (f"{STUDY}.schemes", ["step-by-step"], ["did you mean 'step-by-step-held'?"]),
        (f"{STUDY}.bandwidths_hz", [0.0], ["bandwidths_hz[0]: 0.0 is out of range"]),
        (f"{STUDY}.total_energy_j", 1e-7, ["1e-07 J is not a multiple of 1e-6 J"]),
        (f"{STUDY}.total_energie_j", 10, ["unknown key (did you mean 'total_energy_j'?)"]),
        (f"{STUDY}.step_1_energy_j", [10], ["10 J leaves nothing of the 10 J"]),
        (f"{STUDY}.step_1_energy_j", ["2"], ["step_1_energy_j[0]: '2' is text, not a number; write 2"]),
        (f"{STUDY}.step_1_energy_j", 5, ["step_1_energy_j: 5 is none of what is accepted", "{from, to, by}"]),
        (f"{STUDY}.step_1_energy_j", {"from": 1, "to": 2}, ["step_1_energy_j.by: is missing", "Step between energies"]),
        (f"{STUDY}.step_1_energy_j", {"from": 1, "to": 2, "by": "x"}, ["step_1_energy_j.by: 'x'"]),
        (f"{STUDY}.step_1_energy_j", {"from": 1, "to": 2, "by": 0.3}, ["steps of 0.3 J end at 1.9 J"]),
        (f"{STUDY}.step_1_energy_j", {"from": 2, "to": 1, "by": 0.1}, ["exchange them"]),
        ("studies.a/b", {}, ["the name 'a/b' can't be used"]),
        ("figures.draw.figure_9.study", "bandwidth", ["there is no study 'bandwidth' (did you mean 'bandwidths'?)"]),
        ("figures.draw.figure_9.kind", "map", ["'map' is not one of layouts, system_model"]),
        ("figures.draw.figure_9.kind", "agreement", ["figures.draw.figure_9.study: unknown key"]),
        ("figures.draw.figure_9.study", "synchronous_dual_slot", ["is not a grid over exactly step_1_energy_j"]),
        ("figures.draw.figure_11.study", "bandwidths", ["grid over exactly step_1_energy_j and step_2_energy_j"]),
        (
            "studies.asynchronous_single_slot.step_2_energy_j",
            [0.1],
            ["figures.draw.figure_11.study: asynchronous_single_slot has no three splits that make a surface"],
        ),
        ("figures.draw.figure_7.networks", ["7x"], ["there is no network '7x'"]),
        ("networks", "nowhere.yaml", ["there is no file 'nowhere.yaml'"]),
        ("networks", "x" * 5000, ["networks: there is no file 'xxx", "[...]"]),
        ("networks", "a\0b", ["networks: 'a\\x00b' holds the control character '\\x00'; remove it"]),
        ("results", "a{b}", ["results: 'a{b}' has { and }, a wildcard to Snakemake; rename it"]),
        ("results", "-out", ["results: '-out' begins with '-'", "write the path out"]),
        ("results", "~/out", ["results: '~/out': '~' does not stand for a home folder here; write the path out"]),
        ("results", "./~me/out", ["'~' does not stand for a home folder here"]),
        ("results", "$HOME/out", ["results: '$HOME/out': '$' does not stand for a variable here; write the path out"]),
        ("results", "out/$USER", ["'$' does not stand for a variable here"]),
        ("results", "%USERPROFILE%/out", ["'%USERPROFILE%' does not stand for a variable here"]),
        ("results", "`date`", ["'`' does not stand for the output of a command here"]),
        ("results", "s3://bucket/out", ["'s3://bucket/out' is an address; name a folder of this machine"]),
        ("results", ".", ["results: '.' is the working directory; name a folder of its own, such as results"]),
        ("results", "out/..", ["'out/..' is the working directory; name a folder of its own, such as results"]),
        ("results", "..", ["'..' is the working directory and what is around it; name a folder of its own"]),
        ("results", "/", ["'/' is the working directory and what is around it; name a folder of its own"]),
        ("results", "isal", ["'isal' is in isal, which holds no results; name a folder of its own, such as results"]),
        ("results", "results/../config/mine", ["is in config, which holds no results"]),
        ("results", ".snakemake/out", ["is in .snakemake, which holds no results"]),
        ("networks", "~/nets.yaml", ["there is no file '~/nets.yaml'", "'~' does not stand for a home folder here"]),
        ("networks", "$HOME/nets.yaml", ["there is no file", "'$' does not stand for a variable here; write the path"]),
        ("results", "out\n", ["results: 'out\\n' begins or ends with a blank or has a line break"]),
        ("results", "x" * 201, ["is too long for a folder; at most 200 bytes"]),
        ("results", "Makefile/out", ["results: ", "Makefile is a file; name a folder"]),
        ("results", "\ud800", ["holds the control character '\\ud800'"]),
        ("radio.pulses", "1e400", ["'1e400' is text, not a number; write a finite number without quotes"]),
        ("radio.pulses", 10**1000, ["radio.pulses: is too large a number"]),
        ("radio.pulses", None, ["radio.pulses: None is not a number"]),
        ("findings.total_energy_j", 0.01, ["findings.total_energy_j: is less than 0.02 J, of which some steps would"]),
        ("ensembles", {"random-1": {"seed": 1, "size": 2}}, ["ensembles.random-1: is what the findings call their"]),
        ("findings.total_energy_j", 1e-7, ["findings.total_energy_j: 1e-07 J is not a multiple of 1e-6 J"]),
        (f"{STUDY}.networks", ["7a", "8a"], ["(7a has 1, 8a has 2)"]),
        (f"{STUDY}.clocks", ["synchronous", "asynchronous"], ["step_2_energy_j: is missing"]),
        (f"{STUDY}.step_1_energy_j", {"from": 1e-6, "to": 9.9, "by": 1e-6}, ["step_1_energy_j.by: ", "too many"]),
        (f"{STUDY}.step_1_energy_j", [9.9999999e5], ["999999.99 J leaves nothing of the 10 J"]),
        (
            "studies.asynchronous_single_slot.step_1_energy_j",
            [9.99],
            ["the smallest of step_1_energy_j and of step_2_energy_j together, 10.01 J, leave too little of the 10 J"],
        ),
        ("style.radar", "#009E73\n", ["style.radar: '#009E73\\n' is not of the required form"]),
        ("findings.variants.x" + "y" * 100, {"pulses": 1}, ["can't be used", "at most 100"]),
    ],
)
def test_the_message_names_the_key_and_the_way_out(path, value, expected):
    message = refusal(put(defaults(), path, value))
    assert message.startswith(f"{LABEL}: ")
    for part in expected:
        assert part in message


@pytest.mark.parametrize("name", ["best_splits", "solver_agreement"])
def test_a_study_can_not_take_the_place_of_a_table(name):
    content = defaults()
    message = refusal(put(content, f"studies.{name}", content["studies"]["bandwidths"]))
    assert message == f"{LABEL}: studies.{name}: every run has a table of that name; rename the study"


def test_a_step_that_is_too_small_a_part_is_refused():
    content = put(put(defaults(), f"{STUDY}.total_energy_j", 1000), f"{STUDY}.step_1_energy_j", [0.0001, 999.9999])
    assert load(content).studies["bandwidths"].step_grids == ((100, 999_999_900),)
    content["studies"]["bandwidths"]["step_1_energy_j"] = [0.00005]
    assert "step_1_energy_j: 0.00005 J is less than 0.0001 J, one part in 1e+07 of the total" in refusal(content)
    content["studies"]["bandwidths"]["step_1_energy_j"] = [999.99995]
    assert "step_1_energy_j: 999.99995 J leaves less than 0.0001 J of the 1000 J" in refusal(content)


def test_too_many_points_are_refused_before_they_are_made():
    fine = {"from": 0.001, "to": 9.9, "by": 0.001}
    content = put(defaults(), "studies.asynchronous_single_slot.step_1_energy_j", fine)
    content = put(content, "studies.asynchronous_single_slot.step_2_energy_j", fine)
    message = refusal(content)
    assert "studies.asynchronous_single_slot: has 199,9" in message
    assert "the limit is 1,000,000. Take larger steps" in message


def test_the_number_of_splits_is_counted_without_making_them():
    for study in load(defaults()).studies.values():
        for where in product(*(study.axes[axis] for axis in ("network", "clock", "scheme"))):
            assert study.n_splits(*where) == len(list(study.splits(*where)))


def test_whole_numbers_may_have_a_point():
    content = put(put(defaults(), "points_per_job", 100.0), "findings.samples", 300.0)
    configuration = load(content)
    assert isinstance(configuration.points_per_job, int)
    assert isinstance(configuration.findings.samples, int)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda nest: nest(40_000), "radio.pulses[0]: is nested more than 50 deep, or contains itself"),
        (lambda nest: [[1] * 500] * 500, "]: here the file has more than 200,000 values"),
    ],
)
def test_content_without_bounds_is_refused(make, expected):
    def nest(depth):
        content = 1
        for _ in range(depth):
            content = [content]
        return content

    content = defaults()
    content["radio"]["pulses"] = make(nest)
    assert expected in refusal(content)


@pytest.mark.parametrize("key", ["radio", "studies", "results", "style"])
def test_a_missing_key_is_named(key):
    content = defaults()
    del content[key]
    assert f"{key}: is missing" in refusal(content)


def test_every_problem_of_a_file_is_reported_at_once():
    message = refusal(put(put(defaults(), "radio.pulses", 0), "tolerance", "1e-6"))
    assert "radio.pulses" in message
    assert "tolerance: '1e-6' is text" in message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("note: n\nsingle_slot: {a: {anchors: [[0, 0]], radars: [[1]], target: [1, 2]}}", "single_slot.a.radars[0]"),
        ("note: n\nsingle_slot: {a: {anchor: [[0, 0]]}}", "did you mean 'anchors'?"),
        ("note: n\nsingle_slot: {a: {target: [0, 0], targets: [[0, 0]]}}", "has both 'target' and 'targets'"),
        ("note: n\nsingle_slot: {7: {target: [0, 0]}}", "the name 7 can't be used"),
        ("note: n\nsingle_slot: {a: {target: [0, '1e2']}}", "'1e2' is text, not a number; write 100"),
        ("note: n\nsingle_slot: {a: {}, a: {}}", ":2: the key 'a' stands twice"),
        ("note: [", "not valid YAML"),
        ("note: n\n<<: {note: m}\nnote: o", ":3: the key 'note' stands twice"),
        ("note: 2024-99-99", "not valid YAML: month must be in 1..12"),
        ("note: " + "[" * 3000, "not valid YAML: nested too deeply"),
        ("note: &n [*n]", "is nested more than 50 deep, or contains itself"),
        ("- note", "(top level): ['note'] is not a table of keys and values"),
        ("", "(top level): None is not a table of keys and values"),
        ('note: n\nsingle_slot: {"a\\n": {}}', "the name 'a\\n' can't be used"),
    ],
)
def test_a_bad_networks_file_is_named(tmp_path, text, expected):
    (tmp_path / "networks.yaml").write_text(text)
    content = put(defaults(), "networks", "networks.yaml")
    with pytest.raises(config.ConfigError) as error:
        config.load(content, LABEL, [tmp_path])
    assert "networks.yaml" in str(error.value)
    assert expected in str(error.value)


def test_one_name_for_two_networks_is_refused(tmp_path):
    slot = {"target": [0, 0], "anchors": [[1, 1]]}
    networks = {"note": "n", "single_slot": {"a": slot}, "dual_slot": {"a": [slot, slot]}}
    (tmp_path / "networks.yaml").write_text(yaml.safe_dump(networks))
    with pytest.raises(config.ConfigError, match=r"dual_slot\.a: there is a network of that name already"):
        config.load(put(defaults(), "networks", "networks.yaml"), LABEL, [tmp_path])


def test_grids_are_exact():
    """Sums of decimal fractions stay what was written: 0.1 + 0.2 is 0.3 J."""
    content = put(defaults(), f"{STUDY}.step_1_energy_j", [{"from": 0.1, "to": 0.3, "by": 0.1}, 0.25, 0.000001])
    assert load(content).studies["bandwidths"].step_grids == ((1, 100_000, 200_000, 250_000, 300_000),)


def test_every_key_of_the_schemas_is_described():
    def check(schema, path):
        if not isinstance(schema, dict):
            return
        for key, inner in schema.get("properties", {}).items():
            if inner is True:  # repeated only to be allowed
                continue
            target = inner.get("$ref", "").removeprefix("#/$defs/")
            described = inner.get("description") or definitions.get(target, {}).get("description")
            assert described, f"{path}.{key}"
            check(inner, f"{path}.{key}")
        for inner in schema.get("$defs", {}).values():
            check(inner, path)
        for branch in schema.get("allOf", []):
            check(branch["then"], path)

    for name in ("config", "networks"):
        schema = config_keys.schema(name)
        definitions = schema["$defs"]
        check(schema, name)


def test_every_pulse_is_accepted_and_documented():
    documented = (ROOT / "config/README.md").read_text()
    schema = config_keys.schema("config")
    assert schema["properties"]["radio"]["properties"]["pulse"]["anyOf"][0]["enum"] == list(PULSES)
    for name in PULSES:
        assert load(put(defaults(), "radio.pulse", name)).radio["pulse"] == name
        assert f"`{name}`" in documented


@pytest.mark.parametrize(
    "name",
    [f"root-raised-cosine-{a}" for a in ("0", "1", "0.25", "0.1234", "0.12345", "0.50", "1.0", ".5", "2", "", "0.5 ")],
)
def test_roll_offs_are_accepted_as_the_radio_accepts_them(name):
    try:
        pulse.named(name)
    except ValueError:
        assert "radio.pulse" in refusal(put(defaults(), "radio.pulse", name))
    else:
        assert load(put(defaults(), "radio.pulse", name)).radio["pulse"] == name


def test_every_key_is_in_the_documentation():
    documented = (ROOT / "config/README.md").read_text()
    schema = config_keys.schema("config")
    keys = set(schema["properties"]) | set(schema["properties"]["radio"]["properties"])
    keys |= set(schema["properties"]["style"]["properties"]) | set(schema["$defs"]["study"]["properties"])
    assert not [key for key in keys if f"`{key}`" not in documented]


# --- several files and the command line -------------------------------------------------------------------------------


def merged(folder, files=(), arguments=()):
    """As Snakemake merges them, weakest first: the defaults, files by name and text, and ``--config``."""
    content, found = defaults(), [sources.read(ROOT / LABEL, LABEL)]
    for name, text in dict(files).items():
        (folder / name).write_text(text)
        found.insert(0, sources.read(folder / name, name))
        update_config(content, found[0].content)
    found.insert(0, sources.of_command_line(parse_config(list(arguments)), list(arguments)))
    update_config(content, dict(found[0].content))
    return content, sources.Sources(tuple(found))


def loaded(folder, files=(), arguments=()):
    content, origin = merged(folder, files, arguments)
    return config.load(content, origin, [ROOT])


def files_in_documents():
    """The blocks of documents that are files of one's own, or parts of one."""
    for page in [*sorted(ROOT.glob("docs/*.md")), ROOT / "config/README.md"]:
        for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", page.read_text("utf-8"), re.DOTALL)):
            if set(yaml.safe_load(block)) <= set(config_keys.CONFIG):
                yield pytest.param(block, id=f"{page.name}-{number}")


@pytest.mark.parametrize("text", list(files_in_documents()))
def test_files_that_documents_show_can_be_used(text, tmp_path):
    found = loaded(tmp_path, [("my.yaml", text)])
    assert found.studies or found.deployments


def refused(folder, files=(), arguments=()):
    with pytest.raises(config.ConfigError) as error:
        loaded(folder, files, arguments)
    return str(error.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("radio: {pulses: 0}", "my.yaml: radio.pulses: 0 is out of range"),
        ("radio: {pulsess: 2}", "my.yaml: radio.pulsess: unknown key (did you mean 'pulses'?)"),
        ("studies: {mine: {networks: [7a]}}", "my.yaml: studies.mine.clocks: is missing"),
        ("studies: {bandwidths: {networks: [7e]}}", "my.yaml: studies.bandwidths.networks: there is no network '7e'"),
        ("style: {radar: red}", "my.yaml: style.radar: 'red' is not of the required form"),
        ("networks: nowhere.yaml", "my.yaml: networks: there is no file 'nowhere.yaml'"),
        (
            "networks: {single_slot: {mine: {anchors: [[0, 0], [60, 0]], radars: [[10, 20]], targets: [[25, 30]]}}}",
            "choose among mine. The paper's studies need the paper's networks; with a networks file of your own set",
        ),
        ("figures: {draw: {figure_9: {study: x}}}", "my.yaml: figures.draw.figure_9.study: there is no study 'x'"),
        ("findings: {variants: {base: {pulse_count: 2}}}", "my.yaml: findings.variants.base.pulse_count: unknown key"),
        ("results: config", "my.yaml: results: 'config' is in config, which holds no results"),
        (
            "studies: {bandwidths: {total_energy_j: 5}}",
            f"{LABEL}: studies.bandwidths.step_1_energy_j: 9.9 J leaves nothing of the 5 J for the last step or slot; "
            "stay below the total (studies.bandwidths.total_energy_j stands in my.yaml)",
        ),
        (
            "studies: {bandwidths: {step_1_energy_j: {by: 0.3}}}",
            f"{LABEL}: studies.bandwidths.step_1_energy_j.to: steps of 0.3 J end at 9.7 J, not at 9.9 J "
            "(studies.bandwidths.step_1_energy_j.by stands in my.yaml)",
        ),
        (
            "studies: {bandwidths: {schemes: [integrated]}}",
            f"{LABEL}: studies.bandwidths.step_1_energy_j: has no use with 7c and these clocks and schemes; remove "
            "it (studies.bandwidths.schemes stands in my.yaml)",
        ),
        (
            "findings: {samples: 1}",
            f"{LABEL}: findings.sensitivity_samples: 30 is more than there are samples (1); lower it "
            "(findings.samples stands in my.yaml)",
        ),
    ],
)
def test_a_message_names_the_file_that_holds_the_key(tmp_path, text, expected):
    """And, where it is about keys of several files, the others."""
    assert expected in refused(tmp_path, {"my.yaml": text})


def test_the_last_file_and_then_the_command_line_hold_a_key(tmp_path):
    files = {"one.yaml": "tolerance: 1\nsolver: x\npoints_per_job: 0", "two.yaml": "tolerance: 2\nsolver: y"}
    told = refused(tmp_path, files, ["tolerance=3"]).splitlines()
    assert [line.partition(":")[0] for line in sorted(told, key=lambda line: line.partition(": ")[2])] == [
        "one.yaml",
        "two.yaml",
        "--config",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("results: 2025_11_25", "results: 2025_11_25, in YAML the number 20251125, is not text; put it in quotes"),
        ("results: 2025-11-25", "results: 2025-11-25 is not text; put it in quotes"),
        ("results: 1.50", "results: 1.50, in YAML the number 1.5, is not text; put it in quotes"),
        ("results: off", "results: off, in YAML false, is not text; put it in quotes"),
        ("networks: 7", "networks: 7 is not text; put it in quotes"),
    ],
)
def test_what_yaml_does_not_take_for_text_is_shown_as_it_was_written(tmp_path, text, expected):
    assert f"my.yaml: {expected}" in refused(tmp_path, {"my.yaml": text})
    key, _, value = text.partition(": ")
    (tmp_path / value).write_text((ROOT / "config/networks.yaml").read_text())
    content, origin = merged(tmp_path, {"my.yaml": f'{key}: "{value}"'})
    assert getattr(config.load(content, origin, [tmp_path / "start", tmp_path, ROOT]), key, value) == value


@pytest.mark.parametrize("name", ["on", "No", "1_0", "7", "1.5", "2024-01-01", "~"])
def test_a_name_that_is_none_to_yaml_can_be_quoted(tmp_path, name):
    study = "{networks: [7a], clocks: [synchronous], bandwidths_hz: [5.0e+8], schemes: [integrated], total_energy_j: 1}"
    told = refused(tmp_path, {"my.yaml": f"studies: {{{name}: {study}}}"})
    assert re.search(rf"^my\.yaml: studies: the name {name}.* can't be used; put it in quotes", told)
    quoted = {"my.yaml": f'studies: {{"{name}": {study}}}'}
    if name in ("1.5", "~"):  # can't be a name at all
        assert f"my.yaml: studies: the name {name!r} can't be used. A name, part of" in refused(tmp_path, quoted)
    else:
        assert name in loaded(tmp_path, quoted).studies


def test_an_empty_value_is_not_to_be_quoted(tmp_path):
    assert "my.yaml: results: None is not text; write a name" in refused(tmp_path, {"my.yaml": "results:"})
    assert "--config: results: None is not text; write a name" in refused(tmp_path, (), ["results="])


# --- the command line, as Snakemake 9 understands it ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("results=2025_11_25", "results: 20251125 is not text; write results=./2025_11_25."),
        ("results='2025_11_25'", "results: 20251125 is not text; write results=./2025_11_25."),
        ("results=2025.10", "results: 2025.1 is not text; write results=./2025.10."),
        ("results=1e3", "results: 1000.0 is not text; write results=./1e3."),
        ("results=nan", "results: nan is not"),
        ("results=True", "results: True is not text; write results=./True."),
        ("networks=7", "networks: 7 is not text; write networks=./7."),
    ],
)
def test_a_number_in_place_of_a_name_can_be_written_as_a_path(tmp_path, argument, expected):
    told = refused(tmp_path, (), [argument])
    assert f"--config: {expected}" in told
    advice = re.search(r"write (\S+=\S+)\.", told)[1]
    key, _, path = advice.partition("=")
    (tmp_path / path).write_text((ROOT / "config/networks.yaml").read_text())
    content, origin = merged(tmp_path, (), [advice])
    assert getattr(config.load(content, origin, [tmp_path / "start", tmp_path, ROOT]), key, path) == path


@pytest.mark.parametrize(
    ("argument", "key", "expected", "value"),
    [
        ("radio={pulses: 10}", "radio.pulses", "'10' is text, not a number.", 10),
        ("radio={'carrier_frequency_hz': 6.5e9}", "radio.carrier_frequency_hz", "'6.5e9' is text, not a", 6.5e9),
        ("studies={bandwidths: {bandwidths_hz: [5e6]}}", f"{STUDY}.bandwidths_hz[0]", "'5e6' is text, not a", [5e6]),
        ("power_caps_w={radars: 1}", "power_caps_w.radars", "'1' is text, not a number.", 1),
        ("results=a: b", "results", "{'a': 'b'} is not text; ", "a: b"),
        ("results=[a]", "results", "['a'] is not text; ", "[a]"),
        ("results=my study #2", "results", "Snakemake makes 'my study' of 'my study #2'; ", "my study #2"),
    ],
)
def test_what_the_command_line_can_not_say_goes_into_a_file(tmp_path, argument, key, expected, value):
    told = refused(tmp_path, (), [argument])
    assert told.startswith(f"--config: {key}: {expected}")
    advice = re.search(r"write (.*) into a file, my\.yaml, and give it with --configfile my\.yaml", told)[1]
    content, origin = merged(tmp_path, {"my.yaml": advice})
    config.load(content, origin, [ROOT])
    for part in key.partition("[")[0].split("."):
        content = content[part]
    assert content == value


def test_results_can_not_lie_among_the_sources():
    """Whatever folders the project gets."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip("not a clone")
    folders = {path.partition("/")[0] for path in listed.stdout.splitlines() if "/" in path}
    assert folders <= set(config.SOURCE_FOLDERS)


def test_results_in_another_working_directory_may_have_any_name(tmp_path):
    (tmp_path / "config").mkdir()
    assert config.load(put(defaults(), "results", "config/mine"), LABEL, [tmp_path, ROOT]).results == "config/mine"
    with pytest.raises(config.ConfigError, match="is in isal, which holds no results"):
        config.load(put(defaults(), "results", str(ROOT / "isal/mine")), LABEL, [tmp_path, ROOT])


# --- what is accepted with a warning ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "place", "value"),
    [
        ("studies: {bandwidths: {bandwidths_hz: [5.0e+8, 400]}}", "studies.bandwidths.bandwidths_hz[1]", "400"),
        ("findings: {bandwidth_hz: 20}", "findings.bandwidth_hz", "20"),
        ("findings: {variants: {one: {bandwidth_hz: 2.5}}}", "findings.variants.one.bandwidth_hz", "2.5"),
    ],
)
def test_a_bandwidth_that_may_be_in_mhz_is_doubted(tmp_path, text, place, value):
    content, origin = merged(tmp_path, {"my.yaml": text})
    (told,) = config.doubts(config.load(content, origin, [ROOT]), origin)
    assert told.startswith(f"my.yaml: {place}: is a bandwidth of {value} Hz; write ")
    advice = re.search(r"write (\S+) if MHz are meant", told)[1]
    assert Decimal(advice) == Decimal(value) * 10**6
    content, origin = merged(tmp_path, {"my.yaml": re.sub(rf"\b{value}\b(?=[\]}}])", advice, text)})
    assert config.doubts(config.load(content, origin, [ROOT]), origin) == []


def test_nothing_of_the_paper_is_doubted():
    assert config.doubts(load(defaults()), LABEL) == []


# --- which studies and figures count ----------------------------------------------------------------------------------


def with_own(folder, own):
    """The project's configuration with one more file, and where it is from."""
    return merged(folder, {"my.yaml": yaml.safe_dump(own)})


def test_a_study_or_figure_that_is_null_is_left_out(tmp_path):
    own = {
        "studies": {"bandwidths": None},
        "figures": {"draw": {"figure_7": None}},
        "findings": {"variants": {"rho2-1e-20": None}},
    }
    content, origin = with_own(tmp_path, own)
    configuration = config.load(content, origin, [ROOT])
    every = load(defaults())
    assert set(every.studies) - set(configuration.studies) == {"bandwidths"}
    assert set(every.figures) - set(configuration.figures) == {"figure_7", "figure_13"}  # the latter shows the study
    assert set(every.findings.variants) - set(configuration.findings.variants) == {"rho2-1e-20"}
    assert content["studies"]["bandwidths"] is None  # what is given stays as it is


def test_only_what_there_is_can_be_left_out(tmp_path):
    content, origin = with_own(tmp_path, {"studies": {"bandwidth": None}})
    with pytest.raises(config.ConfigError, match=r"my\.yaml: studies\.bandwidth: null, .* is not a table"):
        config.load(content, origin, [ROOT])


OWN_NETWORKS = {"single_slot": {"hall": {"anchors": [[0, 0], [60, 0]], "radars": [[10, 20]], "target": [30, 30]}}}
OWN_STUDY = {
    "networks": ["hall"],
    "clocks": ["synchronous", "asynchronous"],
    "bandwidths_hz": [5e8],
    "schemes": ["step-by-step-held"],
    "total_energy_j": 1,
    "step_1_energy_j": [0.2, 0.5],
    "step_2_energy_j": [0.1],
}


def test_without_the_paper_only_own_studies_count_and_get_the_figures_that_fit(tmp_path):
    content, origin = with_own(
        tmp_path, {"paper": False, "networks": OWN_NETWORKS, "studies": {"bandwidths": OWN_STUDY}}
    )
    configuration = config.load(content, origin, [ROOT])
    assert list(configuration.studies) == ["bandwidths"]
    assert configuration.studies["bandwidths"].axes["network"] == ("hall",)  # nothing of the paper's of that name
    assert configuration.studies["bandwidths"].steps == {("hall", "synchronous"): 2, ("hall", "asynchronous"): 3}
    assert configuration.layouts_file == "my.yaml"
    assert configuration.layouts_note == ""
    # two splits over three steps span no surface
    assert {name: figure.kind for name, figure in configuration.figures.items()} == {
        "networks": "layouts",
        "bandwidths": "step_energy",
        "bandwidths_allocations": "allocations",
    }


def test_without_the_paper_own_figures_replace_those_that_fit(tmp_path):
    own = {
        "paper": False,
        "networks": OWN_NETWORKS,
        "studies": {"mine": OWN_STUDY},
        "figures": {"draw": {"map": {"kind": "layouts", "networks": ["hall"]}}},
    }
    content, origin = with_own(tmp_path, own)
    assert list(config.load(content, origin, [ROOT]).figures) == ["map"]


def test_a_fault_of_networks_in_the_same_file_is_named_by_it(tmp_path):
    own = {"paper": False, "networks": {"single_slot": {"hall": {"radars": [[1]]}}}, "studies": {"mine": OWN_STUDY}}
    content, origin = with_own(tmp_path, own)
    with pytest.raises(config.ConfigError, match=r"my\.yaml: networks\.single_slot\.hall\.radars\[0\]: "):
        config.load(content, origin, [ROOT])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"without": [0, 1, 2]}, r"config\.yaml: ensembles\.some\.without: leaves no network of 3; let one stay"),
        ({"anchors": [4, 2]}, r"ensembles\.some\.anchors: goes from 4 to 2; exchange them"),
        ({"radars": 0}, r"ensembles\.some\.radars: networks with and without radars have different steps"),
        ({"targets": [0, 2]}, r"ensembles\.some\.targets: .*; let each have one at least, or none"),
        ({"size": 0}, r"ensembles\.some\.size: 0 is out of range"),
        ({"separations_m": [0.5, 3]}, r"ensembles\.some\.separations_m\[0\]: 0\.5 is out of range"),
    ],
)
def test_an_ensemble_that_can_not_be_drawn_is_refused(changes, message):
    content = defaults() | {"ensembles": {"some": {"seed": 1, "size": 3} | changes}}
    with pytest.raises(config.ConfigError, match=message):
        config.load(content, LABEL, [ROOT])


def test_names_of_an_ensemble_and_of_networks_do_not_meet():
    for taken in ("7a", "7"):
        networks = content_of("config/networks.yaml")
        networks["single_slot"]["7-3"] = networks["single_slot"]["7a"]
        content = defaults() | {"networks": networks, "ensembles": {taken: {"seed": 1, "size": 3}}}
        with pytest.raises(config.ConfigError, match=rf"ensembles\.{taken}: network 7(a|-3) has the name of"):
            config.load(content, LABEL, [ROOT])
