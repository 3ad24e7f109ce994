"""Mutated configurations: each is refused with a message that names file and key, or all that it asks for is solved.

The paper's configuration and layouts are changed in one to three places, as tables and as text. What is accepted must
have points that solve, distinct paths below `results`, and layouts that the findings can be made of.

Here the same 200 mutations are tried each time. `ISAL_FUZZ=5000` tries as many at random instead.
"""

import copy
import datetime
import functools
import itertools
import math
import os
import random
import tempfile
from pathlib import Path, PurePosixPath

import pytest
import yaml
from builders import CONFIG as LABEL
from builders import NETWORKS, ROOT, content_of, defaults
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from isal.study import config, sources
from isal.study.points import Point, PointError, solve_all
from isal.workflow.plan import Plan
from isal.workflow.products import KINDS

LONG_RUN = int(os.environ.get("ISAL_FUZZ", "0"))


def examples(share):
    """Settings for a share (per mille) of all examples: 200, or as many as asked for."""
    return settings(
        max_examples=(LONG_RUN or 200) * share // 1000,
        derandomize=not LONG_RUN,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@functools.cache
def texts():
    return (ROOT / LABEL).read_text(), (ROOT / NETWORKS).read_text()


def tables():
    """The configuration and the layouts."""
    return defaults(), content_of(NETWORKS)


def with_smoke(content):
    """The configuration with what `smoke.yaml` changes."""

    def update(base, extra):
        for key, value in extra.items():
            if isinstance(value, dict) and isinstance(base.get(key), dict):
                update(base[key], value)
            else:
                base[key] = value

    update(content, content_of("config/smoke.yaml"))
    return content


# --- mutations --------------------------------------------------------------------------------------------------------


def nested(depth, leaf=1):
    for _ in range(depth):
        leaf = [leaf]
    return leaf


def endless():
    content = {"a": []}
    content["a"] += [content] * 3
    return content


def alias_bomb():
    content = [1] * 10
    for _ in range(9):
        content = [content] * 10
    return content


#: Made anew each time; some can't be copied.
JUNK = [
    *(lambda value=value: value for value in (None, True, False, "", " ", "text", "1", "77e9", "inf", "nan", "1e400")),
    *(lambda value=value: value for value in (math.nan, math.inf, -math.inf, 0, -0.0, -1, 5e-324, 1e-320, 1e-300)),
    *(lambda value=value: value for value in (1e-9, 1e-7, 1.5e-6, 1e300, 1e308, 10**25, 10**400, 10**5000, -(2**63))),
    *(lambda value=value: value for value in (0.1 + 0.2, 1 + 1e-15, 2.5, 1.0, 300.0)),
    *(lambda value=value: value for value in ("a/b", "..", "../x", "a b", "a\n", "x" * 300, "\0", "\ud800", "{x}")),
    *(lambda value=value: value for value in ("-x", "~", "$x$", "é", "名", "config/config.yaml", "/dev/null", "\t")),
    *(lambda value=value: value for value in (datetime.date(2024, 1, 1), b"1", "a\x85b", "\u202e", "x/" * 2000)),
    list, dict, lambda: [[]], lambda: [None], lambda: {"a": 1}, lambda: {None: 1}, lambda: {1: 2}, lambda: {"": ""},
    lambda: nested(60), lambda: nested(100_000), endless, alias_bomb, lambda: [1, 1], lambda: {10**5000: 1},
]  # fmt: skip

NAMES = [
    "", " ", "a b", "a/b", "..", "../x", ".", "a\n", "é", "名", "x" * 101, "x" * 300, "-a", "_a", "a.b", "{a}", "$a",
    "\0", "\ud800", "solver_agreement", "best_splits", "base", "layouts", "7", "con", "a" * 100,
    None, 7, 1.5, True, (1, 2),
]  # fmt: skip

PLAUSIBLE = [
    1e-12, 1e-9, 1e-6, 1e-3, 0.01, 0.1, 0.2, 0.5, 1, 2, 3, 5, 7, 9, 9.9, 9.999999, 10, 11, 20, 100, 1000, 1e4, 1e6, 5e6,
    1e9, 1e12,
]  # fmt: skip

WORDS = [
    "synchronous", "asynchronous", "integrated", "step-by-step-held", "step-by-step-added", "step-by-step-marginal",
    "step-by-step-joint", "scs", "interior-point", "7a", "7c", "8b", "8d", "bandwidths", "carry_over", "pdf",
    "flat", "gaussian", "root-raised-cosine-0.25",
]  # fmt: skip

RANGES = [
    (1, 2, 0.1), (2, 1, 0.1), (1, 2, 0), (1, 2, 0.3), (1, 1, 1), (1, 2, 1e-6), (1e-6, 9.999999, 1e-6), (0, 1, 0.1),
    (1e-6, 1e6, 1e-6), (1, 2, 1e-7), (1, 2, -0.1), (0.1, 9.9, 0.001), (1, 11, 1), (1e-6, 1, 0.999999), (9, 9.9, 0.1),
    (0.1, 9.99999, 0.00001), ("1", 2, 1), (1, math.nan, 1), (1, math.inf, 1), (1, 2, None),
]  # fmt: skip


def places(content, path=()):
    """Paths of everything in a table or list."""
    entries = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in list(entries)[:200]:
        yield (*path, key)
        if len(path) < 12:
            yield from places(value, (*path, key))


def at(content, path):
    for key in path:
        content = content[key]
    return content


def rename(table, old, new):
    """Give a key another name in its place."""
    entries = list(table.items())
    table.clear()
    table.update((new if key == old else key, value) for key, value in entries)


def mutate(draw, content, touched):
    """Change one place of a table; its keys, and what was written there, are added to ``touched``."""
    where = draw(st.sampled_from(list(itertools.islice(places(content), 5000)) or [()]))
    if not where:
        return
    parent, key = at(content, where[:-1]), where[-1]
    value = parent[key]
    touched |= {str(part) for part in where if not isinstance(part, int)}
    touched |= {value} if isinstance(value, str) else set()
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300
    kinds = ["junk", "delete", "plausible"]
    kinds += ["scale", "text", *["plausible", "near"] * 3] if is_number else []
    kinds += ["word"] * 3 if isinstance(value, str) else []
    kinds += ["misspell", "rename", "unknown"] if isinstance(parent, dict) else ["duplicate", "reverse"]
    kinds += ["range"] * 3 if isinstance(key, str) and key.endswith("_energy_j") else []
    kind = draw(st.sampled_from(kinds))
    event(kind)
    match kind:
        case "junk":
            parent[key] = draw(st.sampled_from(JUNK))()
        case "delete":
            del parent[key]
        case "plausible":
            parent[key] = draw(st.sampled_from(PLAUSIBLE))
        case "word":
            parent[key] = draw(st.sampled_from(WORDS))
            touched.add(parent[key])
        case "near":
            parent[key] = value * draw(st.sampled_from([0.5, 0.75, 1.25, 2])) + draw(st.sampled_from([0, 1, 7]))
        case "scale":
            parent[key] = value * draw(st.sampled_from([-1, 0, 0.5, 2, 1e-12, 1e-6, 1e-3, 1e3, 1e6, 1e12, 1e300]))
        case "text":
            parent[key] = draw(st.sampled_from([str, repr, lambda number: f"{number:e}", lambda number: [number]]))(
                value
            )
        case "misspell":
            place = draw(st.integers(0, max(0, len(str(key)) - 1)))
            changed = str(key)[:place] + draw(st.sampled_from(["", "x", "_", "é"])) + str(key)[place + 1 :]
            touched.add(changed)
            rename(parent, key, changed)
        case "rename":
            changed = draw(st.sampled_from(NAMES))
            rename(parent, key, changed)
        case "unknown":
            parent[draw(st.sampled_from(["note2", "Radio", "", 3, None, "a\nb", "by"]))] = copy.deepcopy(value)
        case "duplicate":
            parent.append(copy.deepcopy(value))
        case "reverse":
            parent.reverse()
        case "range":
            one = dict(zip(("from", "to", "by"), draw(st.sampled_from(RANGES)), strict=True))
            parent[key] = draw(st.sampled_from([one, [one], [one, dict(one)], [one, 0.5]]))


def distort(draw, layouts, touched):
    """Change the geometry of one slot."""
    group = draw(st.sampled_from(["single_slot", "dual_slot"]))
    named = layouts.get(group)
    if not isinstance(named, dict) or not named:
        return
    name = draw(st.sampled_from(sorted(named, key=str)))
    table = named[name]
    slot = draw(st.sampled_from(table)) if isinstance(table, list) and table else table
    if not isinstance(slot, dict):
        return
    spots = [slot["target"]] if isinstance(slot.get("target"), list) else []
    for kind in ("anchors", "radars"):
        spots += slot[kind] if isinstance(slot.get(kind), list) else []
    if len(spots) < 2 or not all(isinstance(spot, list) and len(spot) == 2 for spot in spots):
        return
    if not all(isinstance(part, (int, float)) and abs(part) < 1e9 for spot in spots for part in spot):
        return
    touched |= {str(name), "target", "anchors", "radars"}
    kind = draw(
        st.sampled_from(["together", "line", "scale", "shift", "far", "few", "many", "known", "targets", "slanted"])
    )
    event(kind)
    size = 10.0 ** draw(st.integers(-10, 9))
    one, other = (draw(st.sampled_from(spots)) for _ in range(2))
    match kind:
        case "together":
            one[:] = [other[0] + size, other[1]]
        case "line":
            for spot in spots:
                spot[1] = 50 + size * (spot[1] - 50)
        case "slanted":
            for number, spot in enumerate(spots):
                spot[:] = [3.0 * spot[0], 2.0 * spot[0] + (size if number == 0 else 0)]
        case "scale":
            for spot in spots:
                spot[:] = [size * part for part in spot]
        case "shift":
            for spot in spots:
                spot[0] += size
        case "far":
            one[draw(st.integers(0, 1))] = size
        case "few":
            group = draw(st.sampled_from(["anchors", "radars", "target"]))
            if draw(st.booleans()) or group == "target":
                slot.pop(group, None)
            else:
                slot[group] = slot.get(group, [])[:1]
        case "many":
            group = draw(st.sampled_from(["anchors", "radars"]))
            count = draw(st.sampled_from([3, 10, 1100, 2000]))
            slot[group] = [[10.0 + 3 * number, 7.0 * (number % 5)] for number in range(count)]
        case "known":
            slot["radars_known"] = True
        case "targets":
            slot["targets"] = [slot.pop("target", [1, 2]), [33, size]]


@st.composite
def mutated_tables(draw):
    content, layouts = tables()
    if draw(st.booleans()):
        with_smoke(content)
    touched = set()
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
        change, about = draw(st.sampled_from([(mutate, content)] * 3 + [(mutate, layouts)] + [(distort, layouts)] * 2))
        change(draw, about, touched)
    return content, layouts, touched


LINES = [
    "radio: {pulses: 1}", "\tpulses: 1", "  <<: *slot_energies", "<<: {note: x}", "a: &a [*a]", "? [1, 2]", "? {a: b}",
    "- 1", "%YAML 9.9", "---", "...", "!!python/object:os.system x", "x: !!int ''", "x: !!float ''", "x: !!bool maybe",
    "x: !!timestamp no", "x: 2024-99-99", "x: !unknown 1", "x: *nowhere", "x: 'open", 'x: "open', "x: [1, 2", "x: {",
    "x: |", "results: a\nresults: b", "note: a\nnote: b", ": ", "\ufeff", "x: \u0007", "x: 1" + "0" * 5000,
    "x: " + "[" * 5000, "__use_yte__: true", "? a\n? b", "= : 1",
]  # fmt: skip

TOKENS = [
    "0x10", "0b1", "010", "1_000", "on", "1:30.5", "-0x0", "!!int '0x'",
    "1:30", "1e3", "1.e3", ".5", "+1", "~", "null", "yes", "off", ".inf", ".nan",
    "-.inf", "2024-01-01", "2024-13-45", "'1'", "1 2", "1,5", "\u0661", "--1", "0x" + "f" * 5000, "9" * 400, "9" * 5000,
    "1e999", "[", "]", "{", "}", ":", "#", "&a", "*a", "!", "|", ">", "\t", "\r", "\x00", "\x85", "\u2028", "\u00a0",
    "\ufeff", "",
]  # fmt: skip

WHOLE = [
    "", " ", "\n", "null", "1", "text", "[]", "{}", "- a", "---\n---", "a: b\n---\nc: d", "%", "\x00", "[" * 3000,
    "{a: " * 3000, "a: &a {b: *a}", "\ufeffnote: n", "# only a comment",
    "a: &a [1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
    "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n"
    "g: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]\nh: [*g,*g,*g,*g,*g,*g,*g,*g,*g]",
]  # fmt: skip


@st.composite
def mutated_texts(draw):
    """Which of the two files, and its text with changes; one that can't be written as UTF-8 as bytes."""
    which = draw(st.integers(0, 1))
    text = texts()[which]
    for _ in range(draw(st.integers(1, 3))):
        lines = text.split("\n")
        line = draw(st.integers(0, len(lines) - 1))
        kind = draw(
            st.sampled_from(
                ["insert", "token", "token", "twice", "drop", "indent", "cut", "character", "whole", "bytes"]
            )
        )
        event(f"text {kind}")
        match kind:
            case "insert":
                lines.insert(line, draw(st.sampled_from(LINES)))
            case "token":
                words = lines[line].split(" ")
                words[draw(st.integers(0, len(words) - 1))] = draw(st.sampled_from(TOKENS))
                lines[line] = " ".join(words)
            case "twice":
                lines.insert(line, lines[line])
            case "drop":
                del lines[line]
            case "indent":
                lines[line] = draw(st.sampled_from([" ", "  ", "\t", " \t"])) + lines[line]
            case "cut":
                lines = lines[: line + 1]
                lines[-1] = lines[-1][: draw(st.integers(0, 60))]
            case "character":
                place = draw(st.integers(0, len(lines[line])))
                lines[line] = (
                    lines[line][:place]
                    + draw(st.sampled_from(list(":,[]{}&*#?|-><=!%@'\"\\\t\x07")))
                    + lines[line][place:]
                )
            case "whole":
                lines = [draw(st.sampled_from(WHOLE))]
            case "bytes":
                return which, "\n".join(lines).encode("latin-1", "replace") + draw(
                    st.sampled_from([b"\xff", b"\xc3", b""])
                )
        text = "\n".join(lines)
    return which, text.encode()


# --- what must hold ---------------------------------------------------------------------------------------------------


def plan_of(content, folder):
    """As the workflow makes it; None if it is refused, with the message."""
    try:
        return Plan.of(config.load(content, LABEL, [folder])), ""
    except config.ConfigError as error:
        return None, str(error)


def check_message(message, names):
    """Every line names one of the files; one line names something that was changed."""
    message.encode()  # can be printed
    lines = message.split("\n")
    assert len(message) < 100_000
    starts = (LABEL, NETWORKS, *names)
    assert any(line.startswith(starts) for line in lines), message


def some_points(plan, rng, about):
    """Points of a few curves, those that were changed first."""
    curves = [(study, curve) for study in plan.configuration.studies for curve in plan.settings(study)]
    rng.shuffle(curves)
    curves.sort(key=lambda curve: not (words_of(*curve) & about))
    found = []
    for study, curve in curves[:4]:
        where = curve["slots"][0].name, curve["clock"], curve["scheme"]
        splits = list(itertools.islice(plan.configuration.studies[study].splits(*where), 20_000))
        # cvxpy is documented not to certify all
        common = curve | {"solver": curve["solver"].replace("cvxpy", "interior-point")}
        chosen = {splits[0], splits[-1], rng.choice(splits)}
        found += [Point(energies_uj=energies, **common) for energies in sorted(chosen)]
    return found


def words_of(study, curve):
    """What a configuration calls a study and the values of one of its curves."""
    values = [curve["slots"][0].name, curve["clock"], curve["scheme"], *curve["radio"].to_mapping().values()]
    return {study, *map(str, values)}


def check_accepted(plan, rng, about):
    """A few points solve, and so does what the findings take from one layout or random sample."""
    findings = plan.configuration.findings
    n_points = sum(study.n_points for study in plan.configuration.studies.values())
    if n_points < 100 or (n_points < 10_000 and rng.random() < 0.1):
        check_paths(plan)
    points = some_points(plan, rng, about)
    failed = [
        str(result)
        for point, result in zip(points, solve_all(points), strict=True)
        # "held" with several targets, one much farther away, has optima that can't be certified: that job says so
        if isinstance(result, PointError) and not (point.scheme == "step-by-step-held" and point.slots[0].n_targets > 1)
    ]
    assert not failed, failed
    if rng.random() < 0.3:
        variant = min(findings.variants, key=lambda name: (name not in about, rng.random()))
        points = [
            point
            for study in set(plan.findings.named[variant].values())
            for curves in (
                plan.study_points(study).values(),
                *plan.member_points(study, findings.ensemble.name, 0),
            )
            for point in rng.sample(list(curves), min(2, len(curves)))
        ]
        points = sorted(points, key=lambda point: (point.name not in about, rng.random()))[:20]
        failed = [str(result) for result in solve_all(points) if isinstance(result, PointError)]
        assert not failed, failed


def check_paths(plan):
    """Every output has a path of its own, below `results`."""
    outputs = [*plan.record_files, plan.path]
    for kind in KINDS.values():
        outputs += [path for name in kind.names(plan)[:100] for path in kind(plan, name).outputs]
    assert len(set(outputs)) == len(outputs)
    folder = PurePosixPath(plan.configuration.results)
    for path in outputs:
        below = PurePosixPath(path).relative_to(folder)
        assert ".." not in below.parts
        assert all(len(part.encode()) < 255 and part.isprintable() for part in below.parts)


@pytest.mark.long
@examples(750)
@given(mutated=mutated_tables(), seed=st.integers(0, 1000))
def test_a_mutated_table_is_refused_by_name_or_solved(mutated, seed):
    content, layouts, touched = mutated
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "config").mkdir()
        (folder / NETWORKS).write_text("note: read by the test\n")
        plan, message = loaded(content, layouts, folder)
        if plan is None:
            event("refused")
            check_message(message, ())
            assert any(word in message for word in touched if word), (message, touched)
        else:
            event("accepted")
            check_accepted(plan, random.Random(seed), touched)


def loaded(content, layouts, folder):
    """As :func:`plan_of`, with layouts as a table, which need not be what YAML can hold."""
    original = sources.read
    sources.read = lambda path, label: sources.Source(label, layouts)
    try:
        return plan_of(content, folder)
    finally:
        sources.read = original


@pytest.mark.long
@examples(250)
@given(mutated=mutated_texts(), seed=st.integers(0, 1000))
def test_a_mutated_text_is_refused_by_name_or_solved(mutated, seed):
    which, data = mutated
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "config").mkdir()
        content, _ = tables()
        (folder / NETWORKS).write_bytes(data if which else texts()[1].encode())
        if not which:
            try:
                content = yaml.load(data.decode(), yaml.FullLoader)
            except Exception:
                return  # Snakemake reads this file, and refuses it
            if not isinstance(content, dict):
                return
            (folder / LABEL).write_bytes(data)
            try:
                assert sources.read(folder / LABEL, LABEL).depth(["results"]) == ("results" in content)
            except config.ConfigError as error:
                event("refused")
                check_message(str(error), ())
                return
        plan, message = plan_of(content, folder)
        if plan is None:
            event("refused")
            check_message(message, (str(folder / NETWORKS),))
        else:
            event("accepted")
            check_accepted(plan, random.Random(seed), set())
