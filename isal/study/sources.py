"""Configuration files as Snakemake reads them, and which of several holds a key.

Snakemake merges its files and ``--config`` into one table and forgets where a value stood and how it was written. Error
messages must name both: a :class:`Source` is one of the places, :class:`Sources` are all of them.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from isal.errors import IsalError, not_installed

#: Keys and indices that lead to a value.
Place = tuple[Any, ...]

#: So many numbers that YAML reads as others than they seem are named in full.
MOST_MISREAD = 10

COMMAND_LINE = "--config"


class ConfigError(IsalError):
    """A configuration that can't be used. The message names file, key and value at fault, and the way out."""


class NoNetworkError(ConfigError):
    """Something names a network that there is not."""


@dataclass(frozen=True)
class Source:
    """A file, or ``--config``.

    Attributes
    ----------
    label
        How messages name it.
    content
        What it says.
    written
        How values, and keys in ``keys``, were written that YAML does not take for text.
    command_line
        Whether it is ``--config``, where Snakemake makes text of every value in brackets.
    """

    label: str
    content: Any = None
    written: Mapping[Place, str] = field(default_factory=dict)
    keys: Mapping[Place, str] = field(default_factory=dict)
    command_line: bool = False

    def depth(self, place: Sequence[Any]) -> int:
        """How many of the keys and indices that lead to a place lead somewhere here."""
        inner = self.content
        for depth, key in enumerate(place):
            try:
                known = key in inner if isinstance(inner, Mapping) else isinstance(inner, list) and key < len(inner)
                inner = inner[key] if known else None
            except TypeError:  # a name as an index, or a key that can't be one
                known = False
            if not known:
                return depth
        return len(place)


@dataclass(frozen=True)
class Sources:
    """Places that a merged configuration comes from; where several hold a key, the first of them counts."""

    of: tuple[Source, ...]

    @classmethod
    def named(cls, label: str | Sources) -> Sources:
        """One place of which only the name is known, unless it is known more."""
        return label if isinstance(label, Sources) else cls((Source(label),))

    def holder(self, place: Sequence[Any]) -> Source:
        """The place that holds a key, or else most of the way to it: what is missing is missing in a file."""

        def how_well(source: Source) -> tuple[int, bool]:
            depth = source.depth(place)
            return depth, depth == len(place) or not source.command_line

        return max(self.of, key=how_well)  # the first one of several

    def at(self, *place: Any) -> str:
        """File and key, as all messages begin."""
        return f"{self.holder(place).label}: {dotted(place)}"

    def elsewhere(self, place: Sequence[Any], *others: Sequence[Any]) -> str:
        """Where other keys stand that a message about ``place`` is about, too, unless in the same file."""
        here = self.holder(place).label
        told = [f"{dotted(other)} stands in {self.holder(other).label}" for other in others]
        apart = [text for text, other in zip(told, others, strict=True) if self.holder(other).label != here]
        return f" ({', '.join(apart)})" if apart else ""


def read(path: Path, label: str | None = None) -> Source:
    """A JSON or YAML file.

    Parameters
    ----------
    path
        The file.
    label
        How messages name it; None takes the path.

    Raises
    ------
    ConfigError
        If it can't be read, if a key stands twice (of which Snakemake would take the last), or if it holds a number
        that YAML takes for another than it seems to be: ``020`` is 16.
    """
    label = str(path) if label is None else label
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{label}: can't be read: {error}; save it as text in UTF-8") from error
    try:
        # in Snakemake's order: YAML knows neither tabs nor 1e3
        return _from_json(text, label)
    except ConfigError:
        raise
    except RecursionError:
        raise ConfigError(f"{label}: not valid JSON: nested too deeply") from None
    except ValueError:
        return _from_yaml(text, label)


def of_command_line(config: Mapping[str, Any], arguments: Sequence[str] | None) -> Source:
    """What ``--config`` says.

    Parameters
    ----------
    config
        As Snakemake understands it.
    arguments
        As it was written, ``key=value`` each.

    Raises
    ------
    ConfigError
        If Snakemake understands another text than was written: ``results=a #1`` is the folder ``a``.
    """
    written = {}
    for argument in arguments or ():
        key, _, value = str(argument).partition("=")
        written[key,] = value.strip("'\"")  # as Snakemake does
    for key, value in config.items():
        told = written.get((key,), value)
        if isinstance(value, str) and value != told:
            raise ConfigError(
                f"{COMMAND_LINE}: {dotted((key,))}: Snakemake makes {shown(value)} of {shown(told)}; "
                f"{to_a_file(key, told)}"
            )
    return Source(COMMAND_LINE, config, written, command_line=True)


def to_a_file(key: str, value: Any) -> str:
    """The way out for what can't be said on the command line."""
    return f"write {key}: {_flow(value)} into a file, my.yaml, and give it with --configfile my.yaml"


def _flow(value: Any) -> str:
    """A value in one line of YAML."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {_flow(inner)}' for key, inner in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    return yaml_number(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def _from_json(text: str, label: str) -> Source:
    class Pairs(list[tuple[str, Any]]):
        """A table whose keys may stand twice."""

    def unique(value: Any, place: Place) -> Any:
        if isinstance(value, Pairs):
            table: dict[str, Any] = {}
            for key, inner in value:
                if key in table:
                    raise ConfigError(f"{label}: {dotted((*place, key))}: the key {shown(key)} stands twice")
                table[key] = unique(inner, (*place, key))
            return table
        if isinstance(value, list):
            return [unique(inner, (*place, index)) for index, inner in enumerate(value)]
        return value

    return Source(label, unique(json.loads(text, object_pairs_hook=Pairs), ()))


def _from_yaml(text: str, label: str) -> Source:
    try:
        import yaml
    except ModuleNotFoundError:
        raise not_installed(f"{label} is no JSON, and YAML", "pyyaml") from None

    written: dict[Place, str] = {}
    keys: dict[Place, str] = {}
    misread: list[str] = []
    seen: set[int] = set()

    def look(loader: yaml.SafeLoader, node: yaml.Node, place: Place) -> None:
        """Note how what is below a node is written, once where there are aliases."""
        if id(node) in seen:
            return
        seen.add(id(node))
        line = f"{label}:{node.start_mark.line + 1}"
        if isinstance(node, yaml.ScalarNode):
            if node.tag != "tag:yaml.org,2002:str":
                written[place] = node.value
            if fault := _misread(loader, node):
                misread.append(f"{line}: {dotted(place)}: {fault}")
        elif isinstance(node, yaml.SequenceNode):
            for index, inner in enumerate(node.value):
                look(loader, inner, (*place, index))
        elif isinstance(node, yaml.MappingNode):
            twice: set[tuple[str, str]] = set()
            for key, inner in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    continue
                if (key.tag, key.value) in twice:
                    raise ConfigError(f"{label}:{key.start_mark.line + 1}: the key {shown(key.value)} stands twice")
                twice.add((key.tag, key.value))
                if key.tag == "tag:yaml.org,2002:merge":
                    look(loader, inner, place)
                    continue
                name = key.value
                if key.tag not in ("tag:yaml.org,2002:str", "tag:yaml.org,2002:value"):
                    name = loader.construct_object(key)
                    keys[*place, name] = key.value
                look(loader, inner, (*place, name))

    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return Source(label)
        look(loader, node, ())
        content = loader.construct_document(node)
    except ConfigError:
        raise
    except RecursionError:
        raise ConfigError(f"{label}: not valid YAML: nested too deeply") from None
    except Exception as error:  # besides YAMLError, whatever a malformed date or number makes the library stumble over
        raise ConfigError(f"{label}: not valid YAML: {error}") from error
    if misread:
        more = len(misread) - MOST_MISREAD
        raise ConfigError(
            "\n".join(misread[:MOST_MISREAD] + ([f"{label}: {more} more numbers of this kind"] if more > 0 else []))
        )
    return Source(label, content, written, keys)


def _misread(loader: Any, node: Any) -> str:
    """What is wrong with a number that YAML 1.1 takes for another than the decimal one that it looks like, if it is."""
    kind = node.tag.removeprefix("tag:yaml.org,2002:")
    digits = node.value.replace("_", "").lstrip("+-")
    if kind in ("int", "float") and ":" in digits:
        what = "minutes and seconds, to base 60"
    elif kind == "int" and digits[:2] in ("0x", "0b"):
        what = "to base 16" if digits[1] == "x" else "to base 2"
    elif kind == "int" and digits[:1] == "0" and len(digits) > 1:
        what = "which takes a number that begins with 0 for octal"
    else:
        return ""
    value = getattr(loader, f"construct_yaml_{kind}")(node)
    meant = yaml_number(value)
    if "octal" in what:
        meant = ("-" if node.value.startswith("-") else "") + (digits.lstrip("0") or "0")
    return (
        f"{cut(node.value)} is {cut(yaml_number(value))} in YAML, {what}; write {cut(meant)} for the number, or "
        f'"{cut(node.value)}" in quotes for a name'
    )


def yaml_number(value: float) -> str:
    """A number in a form that YAML 1.1 takes for this number: not 77e9, which is text to it, but 7.7e+10."""
    if value == int(value) and (isinstance(value, int) or abs(value) < 1e6):
        return str(int(value))
    if 1e-3 <= abs(value) < 1e6:
        return repr(value)
    sign, digits, _ = (exact := Decimal(repr(value)).normalize()).as_tuple()
    fraction = "".join(map(str, digits[1:])) or "0"
    return f"{'-' * sign}{digits[0]}.{fraction}e{exact.adjusted():+d}"


def as_yaml(value: Any) -> str:
    """What YAML took some characters for, in words."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime.date):
        return f"the date {value.isoformat()}"
    return f"the number {value!r}"


def dotted(place: Iterable[Any]) -> str:
    """``studies.one.step_1_energy_j[0]``."""
    text = "".join(_part(part) for part in place).lstrip(".")
    return text or "(top level)"


def _part(part: Any) -> str:
    if isinstance(part, int) and not isinstance(part, bool):
        return f"[{part}]"
    text = str(part)
    return f".{cut(text if text.isprintable() else repr(text))}"


def shown(value: Any) -> str:
    """A value that fits into a message."""
    return cut(repr(value))


def cut(text: str, longest: int = 200) -> str:
    """A text that fits into a message."""
    return text if len(text) <= longest else f"{text[: longest // 2]} [...] {text[-longest // 4 :]}"


def lines(sources: Sources, problems: Iterable[tuple[Place, str]]) -> Iterator[str]:
    """Each of some problems with file and key, none twice."""
    yield from dict.fromkeys(f"{sources.at(*place)}: {what}" for place, what in problems)
