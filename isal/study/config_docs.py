"""Write what is generated from :mod:`isal.study.config_keys`: schemas and the key tables of ``config/README.md``.

``make docs``, or ``python -m isal.study.config_docs`` in the project's folder. In the document a table stands between
``<!-- keys of <name> -->`` and ``<!-- end -->``; all else in it is written by hand.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml

from isal.model.radio import Radio
from isal.study import config_keys
from isal.study.config_keys import (
    CHANGES,
    CONFIG,
    DEPLOYMENT_KEYS,
    ENSEMBLE_KEYS,
    FIGURE_KINDS,
    FILES,
    FINDINGS,
    INSTALLATION,
    NETWORKS,
    RADIO,
    SIMULATIONS,
    SLOT_KEYS,
    STUDY_KEYS,
    Choice,
    Definition,
    Either,
    FigureKind,
    Key,
    Kinds,
    Listing,
    Named,
    Nothing,
    Number,
    Table,
    Text,
    Value,
)

COMMAND = "make docs"
DOCUMENT = "config/README.md"
SCHEMAS = "workflow/schemas"

#: Keys of the top level that have a table of their own in the document.
APART = ("deployments", "ensembles", "findings", "installation", "radio", "simulations", "studies")

TABLE = re.compile(r"(<!-- keys of (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


class _Dumper(yaml.SafeDumper):
    """Indents lists, which is easier on the eye."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        return super().increase_indent(flow, False)


def schema_text(name: str) -> str:
    """The schema of a kind of file as YAML, which editors can check files against."""
    text = yaml.dump(config_keys.schema(name), Dumper=_Dumper, sort_keys=False, width=120)
    return f"# Generated from isal/study/config_keys.py by `{COMMAND}`.\n{text}"


def tables() -> dict[str, str]:
    """Every table of the document by its name."""
    return {
        "config": _key_table(CONFIG),
        "radio": _key_table(RADIO, {field.name: field.default for field in fields(Radio)}),
        "ensembles": _key_table(ENSEMBLE_KEYS),
        "studies": _key_table(STUDY_KEYS),
        "deployments": _key_table(DEPLOYMENT_KEYS),
        "findings": _key_table(FINDINGS),
        "variants": _key_table(CHANGES),
        "simulations": _key_table(SIMULATIONS),
        "figures": _table(
            ("`kind`", "takes", "shows"),
            [(f"`{word}`", _taken_by(kind), kind.shows) for word, kind in FIGURE_KINDS.items()],
        ),
        "networks": _key_table(NETWORKS),
        "slot": _key_table(SLOT_KEYS),
        "installation": _key_table(INSTALLATION),
    }


def documents(project: Path) -> dict[Path, str]:
    """Every generated file of a project, and what it should hold.

    Raises
    ------
    ValueError
        If the document has not each table once.
    """
    made, current = tables(), (project / DOCUMENT).read_text(encoding="utf-8")
    found = [match[2] for match in TABLE.finditer(current)]
    if sorted(found) != sorted(made):
        raise ValueError(
            f"{DOCUMENT}: has the tables {', '.join(found) or 'none'}; write <!-- keys of NAME --> and <!-- end --> "
            f"once for each of {', '.join(made)}"
        )
    schemas = {project / SCHEMAS / f"{name}.schema.yaml": schema_text(name) for name in FILES}
    return {**schemas, project / DOCUMENT: TABLE.sub(lambda match: f"{match[1]}{made[match[2]]}{match[3]}", current)}


def _key_table(keys: Mapping[str, Key], defaults: Mapping[str, Any] | None = None) -> str:
    """A row for each key, those of small tables inside included; a column for defaults, which are those of Table 1."""
    rows = {name: key for top, key in keys.items() for name, key in _rows(top, key)}
    columns = {"key": [f"`{name}`" for name in rows], "meaning": [_meaning(key) for key in rows.values()]}
    columns["takes"] = ["see below" if name in APART else _form(key) for name, key in rows.items()]
    if any(key.unit for key in rows.values()):
        columns["unit"] = [key.unit for key in rows.values()]
    if defaults is not None:
        columns["Table 1"] = [
            f"`{value}`" if isinstance(value, str) else f"{value:g}" for value in (defaults[name] for name in rows)
        ]
    return _table(tuple(columns), zip(*columns.values(), strict=True))


def _rows(name: str, key: Key) -> Iterator[tuple[str, Key]]:
    yield name, key
    if isinstance(key.value, Table) and name not in APART:
        for inner, value in key.value.keys.items():
            yield from _rows(f"{name}.{inner}", value)


def _meaning(key: Key) -> str:
    text = "; ".join(part for part in (key.text, key.remark) if part)
    return (f"{text}. {key.note}" if key.note else text).replace("<", r"\<")


def _form(value: Value) -> str:
    """What a key takes, in a few words."""
    match value:
        case Key() | Definition():
            return _form(value.value)
        case Nothing():
            return "null"
        case Number():
            bounds = config_keys.limits(value.schema({}))
            return f"{'whole number' if value.whole else 'number'} {bounds}".strip()
        case Choice():
            return ", ".join(f"`{word}`" for word in value.words)
        case Either():
            return " or ".join(_form(form) for form in value.forms)
        case Listing():
            fewest, most = value.at_least, value.at_most
            length = "" if not fewest or most is None else f" {fewest}" if fewest == most else f" {fewest} to {most}"
            return f"list of{length}: {_form(value.items)}"
        case Text():
            return value.form
        case Table():
            return f"table of {', '.join(f'`{name}`' for name in value.keys)}"
        case Named() | Kinds():
            return "table by name"
    return config_keys.TYPES[value.schema({})["type"]]


def _taken_by(kind: FigureKind) -> str:
    if kind.automatic:
        return "no entry; drawn with `measurements`"
    taken = " and ".join(f"`{name}`" for name in kind.takes())
    return f"{taken} over {', '.join(f'`{grid}`' for grid in kind.grids)}" if kind.grids else taken or "nothing"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = (f"| {' | '.join(line)} |\n" for line in (head, *rows))
    return "\n" + next(lines) + "|---" * len(head) + "|\n" + "".join(lines) + "\n"


def main() -> None:
    """Write the files that are behind."""
    try:
        wanted = documents(Path())
    except (OSError, ValueError) as error:
        sys.exit(f"{error}; run it in the folder of the project")
    for path, text in wanted.items():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path}")


if __name__ == "__main__":
    main()
