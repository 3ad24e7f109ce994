"""Which studies, figures and variants of a merged configuration are made.

Snakemake merges the files of ``--configfile`` into config/config.yaml, key by key: what the paper's study has can be
changed there, but not removed. So an entry that is ``null`` is left out, and ``paper: false`` leaves out all studies
and figures of the file that is read first. Without the paper there are no findings, comparison and simulations, either
(:func:`isal.workflow.products.targets`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from isal.study.sources import ConfigError, Place, Source, Sources

#: Tables whose entries have names that the user chooses.
NAMED: tuple[Place, ...] = (("studies",), ("deployments",), ("figures", "draw"), ("findings", "variants"))

#: Tables of which ``paper: false`` keeps the user's entries alone.
OF_THE_PAPER: tuple[Place, ...] = (("studies",), ("deployments",), ("figures", "draw"))

#: What a figure may be of: its key, and where the entry of that name stands.
SHOWN: Mapping[str, Place] = {"study": ("studies",), "deployment": ("deployments",)}


def selected(config: Mapping[str, Any], origin: Sources) -> dict[str, Any]:
    """The configuration without what is left out.

    Parameters
    ----------
    config
        As Snakemake merged it, not yet validated.
    origin
        The files that it comes from, what counts most first.

    Raises
    ------
    ConfigError
        If ``paper`` is false and no file but the first one read names a study.
    """
    kept = dict(config)
    for place in NAMED:
        table: dict[str, Any] = kept
        for key in place:
            if not isinstance(table.get(key), dict):
                break
            table[key] = table = dict(table[key])  # what is given stays as it is
    if kept.get("paper") is False:
        _keep_own(kept, origin)
    dropped = {place: set(_left_out(kept, place, origin)) for place in NAMED}
    for place, names in dropped.items():
        for name in names:
            del _table(kept, place)[name]
    figures = _table(kept, ("figures", "draw"))
    for key, place in SHOWN.items():
        for name in [name for name, figure in figures.items() if _shown_by(figure, key) in dropped[place]]:
            holder = origin.holder(("figures", "draw", name))
            if holder is not origin.holder((*place, _shown_by(figures[name], key))):  # else it is asked for by mistake
                del figures[name]
    return kept


def _keep_own(config: dict[str, Any], origin: Sources) -> None:
    """Leave of the tables of the paper what other files than the first one read say, unless it is the only one."""
    own = origin.of[:-1] or origin.of
    if not any(_table(source.content, ("studies",)) for source in own):
        raise ConfigError(
            f"{origin.at('paper')}: is false, and no other file has studies; give yours with --configfile my.yaml"
        )
    for place in OF_THE_PAPER:
        table = _table(config, place)
        table.clear()
        for source in reversed(own):
            for name, entry in _table(source.content, place).items():
                known = table.get(name)
                if isinstance(known, dict) and isinstance(entry, Mapping):
                    entry = {**known, **entry}
                table[name] = entry


def _left_out(config: Mapping[str, Any], place: Place, origin: Sources) -> Iterator[str]:
    """Names of entries that are null, of those that another file has."""
    for name, entry in _table(config, place).items():
        if entry is None and any(_has(source, (*place, name)) for source in origin.of):
            yield name


def _has(source: Source, place: Place) -> bool:
    *inner, name = place
    return _table(source.content, tuple(inner)).get(name) is not None


def _shown_by(figure: Any, key: str) -> Any:
    shown = figure.get(key) if isinstance(figure, Mapping) else None
    return shown if isinstance(shown, str) else None


def _table(content: Any, place: Place) -> dict[str, Any]:
    """The table at a place; an empty one where there is none."""
    for key in place:
        content = content.get(key) if isinstance(content, Mapping) else None
    return content if isinstance(content, dict) else {}
