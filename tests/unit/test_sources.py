"""Configuration files as Snakemake reads them: what is refused as it would be misread, and what is kept of them."""

import json
import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from isal.study import sources


def read(folder, text, name="my.yaml"):
    (folder / name).write_text(text)
    return sources.read(folder / name, name)


def refusal(folder, text, name="my.yaml"):
    with pytest.raises(sources.ConfigError) as error:
        read(folder, text, name)
    return str(error.value)


@pytest.mark.parametrize(
    ("written", "value", "meant"),
    [
        ("020", 16, 20),
        ("010", 8, 10),
        ("-0_20", -16, -20),
        ("+007", 7, 7),
        ("00", 0, 0),
        ("0x10", 16, 16),
        ("-0x1F", -31, -31),
        ("0b101", 5, 5),
        ("1:40", 100, 100),
        ("-1:40", -100, -100),
        ("190:20:30.5", 685230.5, 685230.5),
        ('!!int "020"', 16, 20),
    ],
)
def test_a_number_that_yaml_takes_for_another_is_refused_with_what_to_write(tmp_path, written, value, meant):
    assert yaml.safe_load(written) == value
    told = refusal(tmp_path, f"radio:\n  at: [1, {written}]")
    assert told.startswith(f"my.yaml:2: radio.at[1]: {written.split()[-1].strip(chr(34))} is {value} in YAML, ")
    number, name = re.search(r'write (\S+) for the number, or (".*") in quotes for a name$', told).groups()
    assert read(tmp_path, f"radio:\n  at: [1, {number}]").content == {"radio": {"at": [1, meant]}}
    assert read(tmp_path, f"radio:\n  at: [1, {name}]").content == {"radio": {"at": [1, json.loads(name)]}}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        *(("0", 0), ("-0", 0), ("1_000", 1000), ("0.5", 0.5), (".5", 0.5), ("010.5", 10.5), ("1.0e+3", 1000.0)),
        *(("'020'", "020"), ('"1:40"', "1:40"), ("08", "08"), ("0o17", "0o17"), ("1e3", "1e3"), ("a:b", "a:b")),
    ],
)
def test_other_numbers_and_text_are_read_as_they_stand(tmp_path, written, value):
    assert read(tmp_path, f"a: {written}").content == {"a": value}


def test_all_misread_numbers_are_told_up_to_a_limit(tmp_path):
    told = refusal(tmp_path, "".join(f"k{number}: 0{number}\n" for number in range(10, 18)))
    assert [line.split()[1] for line in told.splitlines()] == [f"k{number}:" for number in range(10, 18)]
    told = refusal(tmp_path, f"a: [{', '.join(['010'] * 1000)}]").splitlines()
    assert len(told) == sources.MOST_MISREAD + 1
    assert told[-1] == "my.yaml: 990 more numbers of this kind"


def test_an_alias_is_told_once(tmp_path):
    assert refusal(tmp_path, "a: &a [010]\nb: *a\nc: {<<: {d: *a}}").count("010 is 8") == 1


def test_json_may_be_indented_with_tabs(tmp_path):
    """Snakemake takes it for JSON; YAML knows no tabs and takes 1e3 for text."""
    content = {"radio": {"pulses": 1000.0, "list": [1, {"a": None}]}, "empty": {}}
    text = json.dumps(content, indent="\t").replace("1000.0", "1e3")
    with pytest.raises(yaml.YAMLError):
        yaml.safe_load(text)
    assert read(tmp_path, text, "my.json").content == content


def test_a_key_that_stands_twice_in_json_is_named(tmp_path):
    text = '{"radio": {"pulses": 1},\n\t"list": [{"a": {"b": 1, "b": 2}}]}'
    assert refusal(tmp_path, text, "my.json") == "my.json: list[0].a.b: the key 'b' stands twice"


def test_json_without_bounds_is_refused(tmp_path):
    assert refusal(tmp_path, "[" * 100_000 + "]" * 100_000, "my.json") == "my.json: not valid JSON: nested too deeply"


def test_tabs_in_yaml_are_refused(tmp_path):
    assert refusal(tmp_path, "radio:\n\tpulses: 1").startswith("my.yaml: not valid YAML: ")


def test_a_file_that_is_no_text_is_named(tmp_path):
    (tmp_path / "my.yaml").write_bytes(b"note: \xff")
    with pytest.raises(sources.ConfigError, match=r"my\.yaml: can't be read: .* save it as text in UTF-8"):
        sources.read(tmp_path / "my.yaml")


def test_merge_keys_are_no_second_keys(tmp_path):
    text = "a: &a {anchors: [[0, 0], [9, 9]], target: [1, 5]}\nb: {<<: *a, target: [1, 4]}"
    assert read(tmp_path, text).content["b"] == {"anchors": [[0, 0], [9, 9]], "target": [1, 4]}
    assert refusal(tmp_path, "<<: {a: 1}\nb: 1\nb: 2") == "my.yaml:3: the key 'b' stands twice"


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**12), 10**12))
def test_a_number_is_written_so_that_yaml_reads_this_number(value):
    read = yaml.safe_load(sources.yaml_number(value))
    assert isinstance(read, (int, float))
    assert read == value


def test_the_first_source_that_holds_most_of_a_place_counts():
    strong = sources.Source("strong", {"a": {"b": [1]}, "c": 5})
    weak = sources.Source("weak", {"a": {"b": [1, 2], "d": 1}, "c": {"e": 1}})
    both = sources.Sources((strong, weak))
    labels = {
        ("a",): "strong",
        ("a", "b"): "strong",
        ("a", "b", 0): "strong",
        ("a", "d"): "weak",
        ("a", "new"): "strong",
        ("new",): "strong",
        ("c", 0): "strong",
        (): "strong",
    }
    assert {place: both.holder(place).label for place in labels} == labels
    assert both.elsewhere(("a", "b"), ("a", "b", 0), ("a", "d")) == " (a.d stands in weak)"
    assert both.elsewhere(("a", "b"), ("a", "b", 0)) == ""


def test_what_is_missing_is_missing_in_a_file():
    line = sources.Source("--config", {"a": {"b": 1}}, command_line=True)
    both = sources.Sources((line, sources.Source("file", {"a": {"c": 1}})))
    assert both.holder(("a", "b")).label == "--config"
    assert [both.holder(place).label for place in (("a", "d"), ("e",))] == ["file", "file"]
