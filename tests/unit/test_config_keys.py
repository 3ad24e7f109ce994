"""The declaration of the configuration's keys, and what is generated from it."""

import dataclasses
import json
import shutil
import subprocess

import pytest
import yaml
from builders import ROOT, defaults
from installation import installed

from isal import Radio
from isal.schemes.variant import Variant
from isal.study import config, config_docs, config_keys
from isal.study.config_keys import Choice, Key, Kinds, Number, Table
from isal.workflow.plan import Plan
from isal.workflow.products import StudyTable

pytestmark = pytest.mark.any_kernel


def test_generated_files_are_what_the_declaration_says():
    """Else write them: make docs"""
    behind = [
        str(path.relative_to(ROOT))
        for path, text in config_docs.documents(ROOT).items()
        if path.read_text(encoding="utf-8") != text
    ]
    assert not behind, f"run `{config_docs.COMMAND}`"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The generated files in a folder of their own, which is the working directory."""
    for path in config_docs.documents(ROOT):
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command_renews_what_is_behind_and_leaves_the_rest(project, capsys):
    document, schema = project / "config/README.md", project / "workflow/schemas/config.schema.yaml"
    wanted = {path: path.read_text() for path in (document, schema)}
    document.write_text(wanted[document].replace("| Carrier frequency f_c |", "| Carrier |"))
    schema.write_text(wanted[schema].replace("maximum: 0.01", "maximum: 0.1"))
    assert all(path.read_text() != text for path, text in wanted.items())
    config_docs.main()
    assert {path: path.read_text() for path in wanted} == wanted
    said = capsys.readouterr().out
    assert "config/README.md" in said
    assert "networks.schema.yaml" not in said


def test_a_new_limit_shows_in_the_schema_and_in_the_document(project, monkeypatch):
    tolerance = dataclasses.replace(config_keys.CONFIG["tolerance"], value=Number(above=0, at_most=0.125))
    monkeypatch.setitem(config_keys.CONFIG, "tolerance", tolerance)
    config_docs.main()
    written = yaml.safe_load((project / "workflow/schemas/config.schema.yaml").read_text())
    assert written["properties"]["tolerance"]["maximum"] == 0.125
    assert "| number above 0, at most 0.125 |" in (project / "config/README.md").read_text()


def test_a_table_that_the_document_lacks_is_named(project):
    document = project / "config/README.md"
    document.write_text(document.read_text().replace("<!-- keys of radio -->", ""))
    with pytest.raises(SystemExit, match=r"config/README\.md: has the tables config, .* of config, radio, ensembles"):
        config_docs.main()


def test_elsewhere_the_command_says_where_to_run_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="run it in the folder of the project"):
        config_docs.main()


@pytest.mark.parametrize("name", config_keys.FILES)
def test_the_schema_files_are_what_is_validated_with(name):
    written = yaml.safe_load((ROOT / "workflow/schemas" / f"{name}.schema.yaml").read_text(encoding="utf-8"))
    assert written == config_keys.schema(name)


def test_rows_of_tables_have_as_many_cells_as_their_heads():
    for name, text in config_docs.tables().items():
        widths = {len(line.split("|")) for line in text.strip().splitlines()}
        assert len(widths) == 1, name


def test_the_keys_of_radio_are_the_parameters_of_the_radio():
    """But for the bandwidth, which studies name; its limits are the same wherever it stands."""
    schema = config_keys.schema("config")
    radio, findings = schema["properties"]["radio"]["properties"], schema["properties"]["findings"]["properties"]
    assert {*radio, "bandwidth_hz"} == {field.name for field in dataclasses.fields(Radio)}
    items = schema["$defs"]["study"]["properties"]["bandwidths_hz"]["items"]
    assert items == {"type": "number", "minimum": 1, "maximum": 1e12}
    for place in (findings, findings["variants"]["additionalProperties"]["properties"]):
        assert {key: place["bandwidth_hz"][key] for key in items} == items


def test_a_variant_of_the_findings_may_change_all_that_the_scheme_leaves_open():
    schema = config_keys.schema("config")["properties"]["findings"]["properties"]["variants"]["additionalProperties"]
    for field in dataclasses.fields(Variant):
        assert schema["properties"][field.name]["enum"][0] == field.default
        assert field.name not in schema.get("required", ())


def test_the_configuration_has_the_defaults_of_the_radio():
    assert Radio(**defaults()["radio"]) == Radio()


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (Number(at_least=1e-9, at_most=1e-2), "at least 1e-09, at most 0.01"),
        (Number(above=0), "above 0"),
        (Number(at_most=2**32 - 1, whole=True), "at most 4294967295"),
        (Number(), ""),
    ],
)
def test_limits_are_said_exactly(number, said):
    assert config_keys.limits(number.schema({})) == said


def test_kinds_with_the_same_keys_share_a_branch():
    size = {"size": Key(Number(above=0), "Size")}
    value = Kinds("Kind of thing", {"ball": size, "point": {}, "cube": dict(size)})
    branches = value.schema({})["allOf"]
    kinds = [branch["if"]["properties"]["kind"] for branch in branches]
    assert kinds == [{"enum": ["ball", "cube"]}, {"const": "point"}]
    assert [branch["then"]["properties"].keys() for branch in branches] == [{"kind", "size"}, {"kind"}]


def test_a_key_is_required_unless_it_is_optional():
    table = Table({"a": Key(Choice("xy"), "A"), "b": Key(Choice("xy"), "B", optional=True)})
    assert table.schema({})["required"] == ["a"]


ELSEWHERE = """
import json, sys
from pathlib import Path

import yaml

import isal
from isal.study import config
from isal.workflow.plan import Plan
from isal.workflow.products import StudyTable

package = Path(isal.__file__).parent
assert package.is_relative_to(sys.prefix), package
assert (package / "py.typed").is_file()
content = yaml.safe_load(Path("mine.yaml").read_text())
configuration = config.load(content, "mine.yaml", [Path()])
assert configuration.solver == "interior-point"
plan = Plan.of(configuration)
point = next(iter(plan.points.values()))
table = StudyTable.all(plan)[0]
print(json.dumps([point.solve().speb, plan.fingerprint(point), table.fingerprint]))
content["tolerance"] = 2
try:
    config.load(content, "mine.yaml", [Path()])
except config.ConfigError as error:
    print(error)
"""


def test_a_wheel_alone_validates_a_configuration_and_solves_a_point_of_it(tmp_path):
    """In an environment that has the wheel and what it depends on, and nothing of the repository."""
    python, away = installed(tmp_path), tmp_path / "away"
    away.mkdir()
    content = defaults() | {"networks": "networks.yaml"}
    (away / "mine.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    shutil.copyfile(ROOT / "config/networks.yaml", away / "networks.yaml")
    done = subprocess.run([python, "-I", "-c", ELSEWHERE], cwd=away, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found, *refused = done.stdout.splitlines()
    plan = Plan.of(config.load(content, "mine.yaml", [away]))
    point, table = next(iter(plan.points.values())), StudyTable.all(plan)[0]
    speb, *fingerprints = json.loads(found)
    assert speb == pytest.approx(point.solve().speb, rel=1e-9)
    assert fingerprints == [plan.fingerprint(point), table.fingerprint]
    assert "mine.yaml: tolerance: 2 is out of range. Certified relative gap" in refused[0]
    assert "at least 1e-09, at most 0.01" in refused[0]
