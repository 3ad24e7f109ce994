"""Verdicts on made-up observations: each follows its numbers, and so does the page."""

import re
from functools import cache

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from builders import plan_of

from isal.claims.page import page
from isal.claims.samples import EVERY, Evidence, Variant, abundance_ratio
from isal.claims.sections import SECTIONS, Section
from isal.claims.sensitivity import COUNTS, compared, in_words, populations, sensitivity
from isal.claims.statement import Criterion, Statement
from isal.claims.statements import STATEMENTS, prices, promises_in, slot_shares
from isal.model.parameters import CLOCKS
from isal.model.radio import Radio
from isal.schemes.carry_over import CARRIES, PROMISES, REACHED
from isal.schemes.variant import DEFAULT_VARIANT
from isal.schemes.variant import Variant as SchemeVariant
from isal.study.findings import COUPLINGS, SHARES, VARIABLES
from isal.study.samples import Assumptions
from isal.study.simulations import errors
from isal.study.simulations.exchanges import exchanges
from isal.workflow.products import FindingsPage

#: Sensing abundance of the slots of pairs: ten with one limited slot, first or second, and ten of alike slots.
PAIRS = [(0.1, 10.0), (10.0, 0.1)] * 5 + [(0.1, 0.1), (10.0, 10.0)] * 5
LIMITED, ABUNDANT = (np.flatnonzero((np.ravel(PAIRS) < 1) == limited) for limited in (True, False))
#: Shares of radars, clocks and target that are not in the order of (i).
DISORDER = [[0.1, 0.3, 0.6], [0.6, 0.1, 0.3], [0.0005, 0.0001, 0.9994]]


def world(kind, pairs):
    """A dataset in which all that the paper states is so."""
    amounts = np.ravel(pairs)
    n, m, clocks, carries = len(amounts), len(pairs), len(CLOCKS), len(CARRIES)
    names = [f"{kind}-{number}" for number in range(m)]
    wins = np.where(amounts > 1, 0.5, 2)
    first = [0.9 if one < two else 0.1 if one > two else 0.5 for one, two in pairs]
    values = {
        "localization_speb": np.ones(n),
        "sensing_speb": 1 / amounts,
        "ranging_length": np.full(n, 100.0),
        "sensing_length": np.full(n, 90.0),
        "shortest_sensing_length": np.where(amounts > 1, 5.0, 80.0),
        "integrated_speb": np.tile(1 / amounts, (clocks, 1)).T,
        "steps_speb": np.tile(wins / amounts, (carries, clocks, 1)).T,
        "measured_speb": np.tile(wins / amounts, (carries, clocks, 1)).T,
        "steps_share": np.tile([0.3, 0.1, 0.6], (n, clocks, carries, 1)),
        "third_fixed_speb": np.tile(1 / np.array(SHARES), (n, carries, 1)),
        "first_fixed_speb": np.tile(1 / np.array(SHARES), (n, carries, 1)),
        "slot_share": np.tile(first, (clocks, 1)).T,
        "coupled_speb": np.tile([1, 0.9, 0.95, 0.86], (m, 1)),
        "counted_twice_share": np.full(m, 2e-5),
    }
    axes = {name: (row, *along) for row, some in VARIABLES.items() for name, (along, _) in some.items()}
    coordinates = {
        "sample": ("network", np.repeat(names, 2)),
        "slot": ("network", np.tile([1, 2], m)),
        "kind": ("network", [kind] * n),
        "pair": names,
        "pair_kind": ("pair", [kind] * m),
        "clock": list(CLOCKS),
        "carry": list(CARRIES),
        "part": [1, 2, 3],
        "share": list(SHARES),
        "coupling": list(COUPLINGS),
    }
    return xr.Dataset({name: (axes[name], values[name]) for name in axes}, coordinates, {"energy_j": 10.0})


def variant(name, observed, cap_w=None, scheme=DEFAULT_VARIANT, **changed):
    """A variant of some radio parameters, of the scheme, or another cap."""
    return Variant.of(observed.assign_attrs(Assumptions(name, Radio(**changed), 10.0, cap_w, scheme).attributes))


def strengths():
    """Links of two layouts, of which the second has none above the threshold of 20 dB."""
    of_links = {
        "link_network": ["strong", "strong", "weak", "weak"],
        "sensing": [False, True, False, True],
        "snr": [1000.0, 200.0, 50.0, 1.0],
        "share": [0.7, 0.3, 0.2, 0.8],
    }
    of_networks = {"threshold": [100.0, 100.0], "usable_share": [1.0, 0.0], "pulses_needed": [1, 250]}
    variables = {name: ("link", values) for name, values in of_links.items()}
    variables |= {name: ("network", values) for name, values in of_networks.items()}
    return xr.Dataset(variables, coords={"network": ["strong", "weak"]})


@cache
def others():
    """What the sections are made from, by kind of result."""
    simulated = exchanges(seed=1, sweeps={"jitter_s": [1e-10, 1e-9], "reply_time_s": [1e-3]}, blocks=1)
    nothing = errors.judged([])
    return {
        "LinkStrengths": [strengths()],
        "ExchangeSimulation": [simulated],
        "SimulatedErrors": [nothing, nothing],
    }


def evidence_of(random):
    """Base, with layouts of one and of two slots, and the hundredfold bounds of ten of its random networks."""
    pair = world("layout", [(10.0, 0.1)])
    single = pair.isel(network=[1], pair=[]).assign_coords(sample=("network", ["single"]), slot=("network", [1]))
    base = joined([single, pair, random])
    narrow = some_of(base)
    for name in ("integrated_speb", "steps_speb"):
        narrow[name] = narrow[name] * 100
    return Evidence([variant("base", base), variant("narrow", narrow, bandwidth_hz=5e6)])


def joined(parts):
    """All samples of several datasets."""
    separate = ([part[list(VARIABLES[row])] for part in parts if part.sizes[row]] for row in VARIABLES)
    return xr.merge([xr.concat(some, row) for row, some in zip(VARIABLES, separate, strict=True)])


def some_of(base):
    """A copy of what is observed of the layouts and of ten random networks."""
    return base.isel(network=range(13), pair=range(6)).copy(deep=True)


def page_of(random, **options):
    return page(evidence_of(random).variants, "Note on layouts.", others(), **options)


def verdicts(evidence):
    return {statement.number: statement.verdict(evidence) for statement in STATEMENTS}


def verdict_of(number, random):
    return verdicts(evidence_of(random))[number]


@pytest.fixture
def random():
    return world("random", PAIRS)


def test_where_all_is_as_the_paper_says_all_holds(random):
    found = verdicts(evidence_of(random))
    assert list(found) == ["i", "ii", "iii", "iv", "v", "vi", "vii", "viii"]
    assert found["i"] == found["v"] == "holds"
    assert found["ii"] == "the first half holds (100 to 100 % of the pairs, by scheme); the second holds"
    assert found["iii"].startswith("holds. With held, abundance ")
    assert found["iv"] == "holds: in 100 % of the networks"
    assert re.findall("holds|not", found["vi"]) == ["holds"] * 3
    assert found["vii"].startswith("holds: every SPEB is 100 times as large")
    assert found["viii"].startswith("holds at the paper's values: clocks save at most 5e-02")


# --- by carry-over ----------------------------------------------------------------------------------------------------

#: How many of the 20 limited networks obey, by carry-over if not all, and the verdict on that.
BY_CARRY = [
    ({"joint": 19}, "holds"),
    (
        {"joint": 18},
        "holds only with carry-over held, added, marginal, plug-in and plug-in-ranging; mostly holds with carry-over "
        "joint (90 %)",
    ),
    (dict.fromkeys(CARRIES[1:], 0), "holds only with carry-over held"),
    ({"held": 15, "added": 14, **dict.fromkeys(CARRIES[2:], 0)}, "mostly holds with carry-over held (75 %)"),
    (dict.fromkeys(CARRIES, 14), "does not hold"),
]


@pytest.mark.parametrize(
    ("obey", "expected", "shares"),
    [(*case, DISORDER[0]) for case in BY_CARRY] + [(*BY_CARRY[1], shares) for shares in DISORDER[1:]],
)
def test_order_of_the_steps(random, obey, expected, shares):
    random.steps_share[ABUNDANT] = shares  # these and the synchronous ones are not what it is about
    random.steps_share.loc[{"clock": "synchronous"}] = shares
    for carry, number in obey.items():
        random.steps_share.loc[{"carry": carry, "clock": "asynchronous"}][LIMITED[number:]] = shares
    assert verdict_of("i", random) == expected


@pytest.mark.parametrize(("clock", "shares"), list(zip(CLOCKS, [[0, 0.4, 0.6], [0.6, 0.4, 0]], strict=True)))
def test_a_trade_off_needs_something_for_both_in_both_clock_modes(random, clock, shares):
    random.steps_share.loc[{"clock": clock, "carry": list(CARRIES[2:])}] = shares
    random.steps_share.loc[{"clock": clock, "carry": "added"}][:8] = shares
    expected = "holds only with carry-over held; mostly holds with carry-over added (80 %)"
    assert verdict_of("v", random) == expected
    random.steps_share.loc[{"clock": clock}] = shares
    assert verdict_of("v", random) == "does not hold"


@pytest.mark.parametrize(("clock", "places"), list(zip(CLOCKS, [LIMITED, ABUNDANT], strict=True)))
def test_a_draw_is_no_advantage(random, clock, places):
    """Within rounding, in one clock mode, in the networks of one kind."""
    draw = random.integrated_speb.sel(clock=clock)[places]
    for carry in CARRIES[1:]:
        random.steps_speb.loc[{"carry": carry, "clock": clock}][places] = draw * (1 + 1e-9)
    assert verdict_of("iii", random).startswith("holds only with carry-over held. With held, abundance ")
    random.steps_speb.loc[{"carry": "held", "clock": clock}][places] = draw * (1 - 1e-9)
    assert verdict_of("iii", random).startswith("does not hold. ")


def test_the_abundance_that_separates_the_schemes():
    """Networks of abundance 0.01 ... 0.4 and 20 ... 59, of which step-by-step is worse in those below 28 and in one."""
    amounts = np.concatenate([np.arange(1, 41) / 100, np.arange(20.0, 60)])
    random = world("random", [(one, two) for one, two in zip(amounts[::2], amounts[1::2], strict=True)])
    random.steps_speb[40:48] = 2 * random.integrated_speb[40:48]
    random.steps_speb[75] = 2 * random.integrated_speb[75]
    told = verdict_of("iii", random)
    assert "abundance 27 is the border: 99 % of all networks" in told  # between 27 and 28; 79 of 80


@pytest.mark.parametrize(("name", "half"), [("third_fixed_speb", 0), ("first_fixed_speb", 1)])
def test_more_is_better_up_to_where_it_is_not(random, name, half):
    parts = re.compile(r"the first half: (.*); the second half: (.*); both to the very end: (.*)$")
    expected = ["holds", "holds", "does not hold"]
    random[name].loc[{"share": 0.999}] = 100
    assert list(parts.search(verdict_of("vi", random)).groups()) == expected
    random[name].loc[{"share": 0.75, "carry": [carry for carry in CARRIES if carry not in ("held", "marginal")]}] = 0
    expected[half] = "holds only with carry-over held and marginal"
    assert list(parts.search(verdict_of("vi", random)).groups()) == expected


# --- what is promised, and what is reached ----------------------------------------------------------------------------


def test_only_what_hands_on_measurements_is_reached():
    assert set(PROMISES) == {"held", "added"}
    assert set(REACHED) | set(PROMISES) == set(CARRIES)


@pytest.mark.parametrize(("clocks", "said"), [(CLOCKS, "25 %"), (CLOCKS[:1], "0 to 25 %")])
def test_a_promise_below_all_measurements_is_one_that_no_estimator_keeps(random, clocks, said):
    """Ten of 40 networks; in one clock mode or in both, within rounding or not."""
    assert "No estimator" not in verdict_of("iii", random)
    for clock in clocks:
        random.measured_speb.loc[{"carry": "held", "clock": clock}][:10] *= 4
    random.measured_speb.loc[{"carry": "added"}][:10] *= 1 + 1e-9
    assert f"keeps the promise of held in {said} and of added in 0 % of the networks" in verdict_of("iii", random)
    table = promises_in(random)
    assert len(table) == len(PROMISES) * len(CLOCKS) * 3
    of_measured = table[table.over.str.startswith("all") & (table.promise == "held")]
    assert list(of_measured["below 1"]) == ["25 %"] * len(clocks) + ["0 %"] * (2 - len(clocks))
    assert list(of_measured.smallest) == ["0.25"] * len(clocks) + ["1"] * (2 - len(clocks))


def test_promises_are_compared_with_the_best_that_is_reached(random):
    random.steps_speb.loc[{"carry": "held"}] = 0.75 * random.integrated_speb
    random.steps_speb.loc[{"carry": "marginal"}] = 2 * random.integrated_speb
    random.steps_speb.loc[{"carry": "joint"}] = 1.5 * random.integrated_speb
    for carry in set(REACHED) - {"marginal", "joint"}:
        random.steps_speb.loc[{"carry": carry}] = 3 * random.integrated_speb
    table = promises_in(random)
    held = table[table.promise == "held"]
    assert set(held[held.over.str.startswith("the best")]["median"]) == {"0.5"}
    assert set(held[held.over == "integrated"]["median"]) == {"0.75"}
    wins = "marginal (100 %), joint (100 %), plug-in (100 %) and plug-in-ranging (100 %)"
    said = f"step-by-step wins in 0 % of the networks, and integrated wins with {wins}"
    assert said in verdict_of("iii", random)


def test_what_step_1_minimises_changes_the_promise(random):
    base = evidence_of(random).base
    lost = worse(base.observed, 1)
    lost.steps_speb.loc[{"carry": "held"}] = 3 * lost.integrated_speb
    evidence = Evidence([base, variant("other", lost, scheme=SchemeVariant(step_1="ranging"))])
    assert "Held wins in 0 % (ranging) of the abundant networks where step 1 minimises" in verdicts(evidence)["iii"]
    (table,) = (table for words, table in STATEMENTS[2].tables(evidence) if words.startswith("What step 1"))
    held = table[table["carry-over"] == "held"].set_index("step 1 minimises")
    assert list(held.single) == ["2.00 / 2.00", "3.00 / 3.00"]
    assert list(held["step-by-step wins in abundant"]) == ["100 %", "0 %"]


def test_the_price_of_what_is_reached_names_the_dearest_layout(random):
    evidence = evidence_of(random)
    assert set(prices(evidence)["most in the layouts"]) == {"2.000 (single)"}
    cheap = random.assign(steps_speb=random.steps_speb.copy())
    cheap.steps_speb.loc[{"carry": "joint"}] = cheap.integrated_speb
    table = prices(evidence_of(cheap)).set_index("carry-over")
    assert set(table.loc["joint", "integrated wins"]) == {"0 %"}
    assert set(table.loc["marginal", "integrated wins"]) == {"50 %"}


# --- the others -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("wrong", "word"), [(1, "mostly holds"), (2, "mostly holds"), (3, "does not hold")])
def test_the_limited_slot_gets_more(random, wrong, word):
    """In all but some of the ten pairs of different slots, in one clock mode."""
    random.slot_share[:wrong, 0] = 1 - random.slot_share[:wrong, 0]
    found = f"the first half {word} ({100 - 10 * wrong} to 100 % of the pairs, by scheme); the second holds"
    assert verdict_of("ii", random) == found


@pytest.mark.parametrize("shares", [np.full(10, 0.8), np.full(10, 0.2), np.linspace(0.2, 0.8, 10)])
def test_alike_slots_get_as_much(random, shares):
    random.slot_share[10:] = 0.5 + (shares[:, None] - 0.5) / 4
    assert verdict_of("ii", random).endswith("the second holds")
    random.slot_share[10:] = shares[:, None]
    assert "the second does not" in verdict_of("ii", random)


def test_the_share_of_the_step_by_step_scheme_is_the_best_of_two_slots(random):
    random.steps_speb[0], random.steps_speb[1] = 3.0, 0.2
    table = slot_shares(random)
    shares = np.linspace(1e-4, 1 - 1e-4, 10_000)
    best = shares[np.argmin(3.0 / shares + 0.2 / (1 - shares))]
    for column in [f"{carry}, {clock}" for carry in CARRIES for clock in CLOCKS]:
        assert table[column][0] == pytest.approx(best, abs=1e-3)
    assert abundance_ratio(random)[[0, 1, 10]] == pytest.approx([0.01, 100, 1])


@pytest.mark.parametrize(("easy", "expected"), [(1, "holds: in 95 %"), (2, "mostly holds: in 90 %"), (6, "does not")])
def test_sensing_is_harder_where_links_are_alike(random, easy, expected):
    """Where a node is beside the target, as in the abundant networks, nothing is said."""
    random.sensing_speb[ABUNDANT] = 1e-6
    random.sensing_speb[LIMITED[:easy]] = 0.9
    assert verdict_of("iv", random).startswith(expected)


@pytest.mark.parametrize(("factor", "word"), [(1, "does not hold"), (9, "does not hold"), (11, "holds")])
def test_a_narrow_band_is_far_worse_if_it_is(random, factor, word):
    base, narrow = evidence_of(random).variants
    for name in ("integrated_speb", "steps_speb"):
        narrow.observed[name] = base.observed[name][:13] * factor
    verdict = verdicts(Evidence([base, narrow]))["vii"]
    assert verdict.startswith(f"{word}: every SPEB is {factor} times as large")


def worse(base, factor):
    """Ten random networks whose SPEBs are so many times as large."""
    observed = some_of(base)
    return observed.assign({name: observed[name] * factor for name in ("integrated_speb", "steps_speb")})


def test_the_variant_of_a_narrow_band_is_known_by_its_bandwidth(random):
    """Whatever it is called; one that changes something else too, or widens the band, tells nothing of (vii)."""
    base = evidence_of(random).base
    others = [
        variant("bandwidth-and-cap", worse(base.observed, 7), cap_w=1.0, bandwidth_hz=5e6),
        variant("bandwidth-wide", worse(base.observed, 0.5), bandwidth_hz=1e9),
        variant("bandwidth-as-it-is", some_of(base.observed), bandwidth_hz=500e6),
    ]
    none = "not tried, as no variant has a smaller bandwidth and nothing else changed"
    assert verdicts(Evidence([base, *others]))["vii"] == none
    narrow = [variant(name, worse(base.observed, 500 / mhz), bandwidth_hz=mhz * 1e6) for name, mhz in NARROW.items()]
    evidence = Evidence([*others, *narrow, base])
    assert verdicts(evidence)["vii"].startswith("holds: every SPEB is 100 times as large")  # the narrowest of all
    ((_, table),) = STATEMENTS[6].tables(evidence)
    assert list(table.variant) == list(NARROW)
    assert list(table.largest) == pytest.approx([500 / mhz for mhz in NARROW.values()])


#: Variants of a narrow band -> bandwidth in MHz.
NARROW = {"narrower": 5, "slim": 50}


def with_clocks(observed, bound):
    """Ten random networks of which slot 2 has this bound, relative, where it knows the clocks of slot 1."""
    observed = some_of(observed)
    observed.coupled_speb.loc[{"coupling": "clocks"}] = bound
    return observed


def test_clocks_help_if_they_save_something(random):
    evidence = evidence_of(random)
    for each in evidence.variants:
        each.observed.coupled_speb.loc[{"coupling": "clocks"}] = 1 - 1e-13
    verdict = verdicts(evidence)["viii"]
    assert verdict.startswith("does not hold at the paper's values: clocks save at most 1e-13")
    assert verdict.endswith(", which is rounding (radars: 1e-01 in the median)")
    steady = variant("steady", with_clocks(evidence.base.observed, 0.7), drift_variance=1e-24)
    found = verdicts(Evidence([*evidence.variants, steady]))["viii"]
    assert found == f"{verdict}; they save most with steady: up to 30 %"


def test_variants_of_drift_are_known_by_their_drift(random):
    """Whatever they are called: "theta" holds "eta", and "rhombus" "rho"."""
    base = evidence_of(random).base
    saving = with_clocks(base.observed, 0.7)
    variants = [
        base,
        variant("theta", saving, radar_cross_section_m2=1),
        variant("rhombus", saving, cap_w=1.0),
        variant("eta2-and-cap", saving, cap_w=1.0, velocity_variance=1e-6),
        variant("slow", with_clocks(base.observed, 0.9), velocity_variance=1e-6),
        variant("slow-and-steady", with_clocks(base.observed, 0.8), velocity_variance=1e-6, drift_variance=1e-24),
    ]
    (_, table), _ = STATEMENTS[7].tables(Evidence(variants))
    assert list(table.variant) == ["base", "slow", "slow-and-steady"]
    assert verdicts(Evidence(variants))["viii"].endswith("; they save most with slow-and-steady: up to 20 %")


def test_what_a_drift_variance_stands_for_is_known_by_its_size(random):
    """Two stamps of 150 ps, one second apart, twice; 1e-10 (m/s)^2 over c^2."""
    base = evidence_of(random).base
    variants = [
        base,
        variant("measured", with_clocks(base.observed, 0.99), drift_variance=2 * (150e-12) ** 2),
        variant("in metres", with_clocks(base.observed, 0.9), drift_variance=1e-10 / 299_792_458**2),
        variant("neither", with_clocks(base.observed, 0.95), drift_variance=1e-22),
    ]
    (_, table), (_, counted) = STATEMENTS[7].tables(Evidence(variants))
    told = list(table["what rho^2 is"])
    assert [words[:24] for words in told] == [
        "two free crystals of 10 ",
        "what an exchange measure",
        "Table 1's number read in",
        "",
    ]
    assert list(table["a clock moves in 1 s by (m)"]) == ["3000", "0.064", "1e-05", "0.003"]
    assert "with the rho^2 of what an exchange measures, at most 1e-02" in verdicts(Evidence(variants))["viii"]
    assert list(counted.share) == ["2.0e-05"] * 3


# --- what there is no network for -------------------------------------------------------------------------------------


def judged(variants):
    """Verdicts by number, and the page, which tells of nothing that there is not."""
    text = page(variants, "", others())
    assert not re.search(r"\bnan\b|Nothing to show", text)
    return verdicts(Evidence(variants)), text


def of_base(base):
    """The base and a variant on the same networks."""
    return [variant("base", base), variant("again", base.copy(deep=True), cap_w=1.0)]


def test_networks_of_one_slot_alone_are_judged(random):
    """Of pairs of slots there are the random ones only."""
    pair = world("layout", [(10.0, 0.1)])
    single = pair.isel(network=[1], pair=[]).assign_coords(sample=("network", ["single"]), slot=("network", [1]))
    found, text = judged(of_base(joined([single, random])))
    assert found["ii"] == "the first half holds (100 to 100 % of the pairs, by scheme); the second holds"
    assert "on 1 layouts of the networks file\n(0 of them of two slots;" in text
    assert "abundance ratio: slot 1 over slot 2): left out, as there are none." in text
    assert "| single | 0.1 | 30 / 10 / 60 |" in text


@pytest.mark.parametrize("kept", [[], [0, 1]], ids=["no layout", "two slots alone"])
def test_layouts_that_are_not_there_are_left_out(random, kept):
    layouts = world("layout", [(10.0, 0.1)]).isel(network=kept, pair=range(len(kept) // 2))
    found, text = judged(of_base(joined([layouts, random])))
    assert all("not judged" not in verdict for verdict in found.values())
    assert f"on {len(kept) // 2} layouts of the networks file" in text
    assert text.count("left out, as there are none.") == (6 if not kept else 5)


@pytest.mark.parametrize(
    ("pair", "unjudged"),
    [
        ((0.1, 0.1), {"ii": "the first half is not judged, as no random pair differs enough; the second holds"}),
        ((0.1, 0.2), {"ii": "first half is not judged"}),
        ((0.1, 0.2001), {"ii": "the second half is not judged, as no random pair is alike enough"}),
        ((0.1, 0.3), {"iii": "on limited networks: holds; the other half is not judged, as no random network is sens"}),
        (
            (10.0, 20.01),
            {
                "i": "not judged, as no random network is sensing-limited",
                "iii": "on abundant networks: holds; the other half is not judged, as no random network is sensing-lim",
                "iv": "not judged, as no random network has links about equally long",
            },
        ),
    ],
)
def test_a_statement_about_no_network_is_not_judged(pair, unjudged):
    """One pair of random networks, as with `samples: 1`."""
    found, text = judged(of_base(world("random", [pair])))
    for number, words in unjudged.items():
        assert words in found[number]
        assert words in text
    for number in set(found) - set(unjudged) - {"ii", "iii"}:
        assert found[number].startswith(("holds", "up to", "not tried" if number == "vii" else "holds"))
    table = sensitivity(of_base(world("random", [pair])))
    assert table["i"].isna().all() == ("i" in unjudged)
    assert table["iv"].isna().all() == ("iv" in unjudged)
    assert table["iii, limited"].isna().all() == (pair[0] > 1)


# --- the page ---------------------------------------------------------------------------------------------------------


def test_the_page_has_every_statement_its_verdict_and_the_thresholds(random):
    text = page_of(random)
    for statement in STATEMENTS:
        verdict = statement.verdict(evidence_of(random))
        assert f"| {statement.number} | {statement.title} | {verdict} |" in text
        assert f"\n## ({statement.number}) {statement.title}\n\n**Verdict: {verdict}.**\n" in text
    for words in ("Note on layouts.", "best split of 10 J", "on 40 random networks (20 pairs", "95 %", "75 %"):
        assert words in text
    assert not re.search(r"\b(nan|None)\b", text)


def test_the_page_is_markdown(random):
    text = page_of(random)
    assert text.startswith("# ")
    tables = re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE)
    assert len(tables) == 23
    for header, rule, *rows in map(str.splitlines, tables):
        assert re.fullmatch(r"(\| --- )+\|", rule)
        assert rows
        assert {row.count("|") for row in rows} == {rule.count("|")} == {header.count("|")}


@pytest.mark.long
def test_the_page_follows_every_variable_that_it_is_about():
    random = world("random", PAIRS[7:13])
    before = page_of(random)
    for name in set(random.data_vars) - {"sensing_length"}:
        changed = (500 if name.endswith("length") else 0.5) / random[name]
        assert page_of(random.assign({name: changed})) != before, name


def test_variants_are_compared_on_the_same_random_networks(random):
    evidence = evidence_of(random)
    base, narrow = (each.observed for each in evidence.variants)
    base.steps_share[13:] = [0.0, 0.4, 0.6]
    narrow.steps_share.loc[{"carry": "held"}][3:8] = [0.0, 0.4, 0.6]
    table = sensitivity(evidence.variants).set_index("variant")
    assert list(table.networks) == [10, 10]
    assert list(table.abundant) == [5, 5]
    assert list(table.v) == [1, 0.5]


def test_the_number_of_networks_is_that_behind_each_share(random):
    evidence = evidence_of(random)
    shares, counts = (of(evidence.variants).set_index("variant") for of in (sensitivity, populations))
    assert list(counts.columns) == [column for column in shares.columns if column not in COUNTS]
    assert ((counts == 0) == shares[counts.columns].isna()).all(axis=None)
    assert list(counts.v) == [10, 10]
    for criterion in compared():
        whole = shares[criterion.column] * counts[criterion.column] * criterion.obeyed(random).size
        np.testing.assert_allclose(whole, whole.round(), atol=1e-6)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"radar_cross_section_m2": 1.0}, "radar cross section 1 m²"),
        ({"bandwidth_hz": 5e6}, "bandwidth 5 MHz"),
        ({"power_cap_w": 1.0, "caps_per": "slot"}, "power cap 1 W, caps per slot"),
        ({"step_1": "ranging"}, "step 1 by ranging links alone"),
        ({}, "other"),
    ],
)
def test_variants_are_named_by_what_they_change(random, changed, words):
    base = evidence_of(random).base
    kept = {"radar_cross_section_m2": 10.0, "bandwidth_hz": 5e8, "power_cap_w": None, "caps_per": "step"}
    base = Variant(base.name, kept | {"step_1": "block"}, base.observed)
    other = Variant("other", {**base.settings, **changed}, base.observed)
    assert in_words([base, other]) == ["the paper's assumptions", words]
    assert in_words([other]) == ["other"]


def test_every_column_of_the_comparison_has_a_head_for_the_figure():
    columns = [criterion.column for criterion in compared()]
    assert len(set(columns)) == len(columns)
    for criterion in compared():
        assert criterion.head.startswith(f"{criterion.column.split(',')[0]}\n")


class ShortLinks(Statement):
    """Something that the paper does not state."""

    number = "ix"
    title = "Ranging links are shorter than 100 m"
    criteria = (Criterion(EVERY, lambda observed: observed.ranging_length < 100, "ix", "ix\nshort", note="(ix) too"),)
    remark = "Links are as long as they are."

    def tables(self, evidence):
        return [("All of them:", pd.DataFrame({"longest (m)": [f"{evidence.random.ranging_length.max():g}"]}))]


def test_a_statement_stands_on_the_page_and_in_the_comparison_by_being_listed(random):
    random.ranging_length[:32] = 50
    evidence, statements = evidence_of(random), (*STATEMENTS, ShortLinks())
    text = page_of(random, statements=statements)
    assert "Statements (i) to (ix) are" in text
    assert "| ix | Ranging links are shorter than 100 m | mostly holds: in 80 % of the networks |" in text
    assert "All of them:\n\n| longest (m) |\n| --- |\n| 100 |\n" in text
    assert "Links are as long as they are." in text
    assert "(ix) too." in text
    assert list(sensitivity(evidence.variants, statements).ix) == [1, 1]  # of the first ten


# --- sections ---------------------------------------------------------------------------------------------------------


def section(title, random=None):
    """A section's text with blanks for line breaks."""
    (found,) = (each for each in SECTIONS if title in each.title)
    evidence = evidence_of(world("random", PAIRS) if random is None else random)
    return " ".join(found.markdown(evidence, others()).split())


def test_the_page_ends_with_the_sections(random):
    text = page_of(random)
    beyond = text.partition("## What a reader should know beyond the statements\n")[2]
    assert re.findall("^### (.*)$", beyond, flags=re.MULTILINE) == [each.title for each in SECTIONS]
    assert "\n\n\n" not in text


def test_a_section_is_told_the_datasets_of_its_kinds_in_their_order(random):
    def told(evidence, *datasets):
        return f"{evidence.base.name} {' '.join(each.attrs['name'] for each in datasets)}"

    named = {kind: [xr.Dataset(attrs={"name": name}) for name in names] for kind, names in DATASETS.items()}
    text = page(evidence_of(random).variants, "", named, sections=[Section("Own", told, ("Two", "One"))])
    assert text.endswith("\n### Own\n\nbase b c a\n")


#: Names of datasets by kind.
DATASETS = {"One": ["a"], "Two": ["b", "c"], "Three": ["d"]}


def test_the_page_has_the_sources_of_its_sections():
    wanted = {kind for each in SECTIONS for kind in each.made_from}
    sources = {type(source).__name__ for source in FindingsPage(plan_of()).sources}
    assert sources == wanted | {"FindingsDataset"}


def test_the_factor_of_the_bandwidth_is_that_of_a_flat_spectrum():
    text = section("bandwidth")
    assert "beta^2 = B^2 / 12, so every true SPEB is 12 times the paper's, and every error 3.46 times as large" in text
    assert "leave a factor of 4." in text


def test_links_above_the_threshold_are_counted():
    text = section("links")
    assert "In strong ranging links carry most of it. In weak sensing links carry most of it." in text
    assert "| strong | 20.0 | 1 of 1 | 1 of 1 | 100 % | 30 % | 100 % | 1 | 0.002 |" in text
    assert "| weak | 20.0 | 0 of 1 | 0 of 1 | 0 % | 80 % | 100 % | 250 | 0.5 |" in text
    assert "99 % of it there: 250 in weak." in text


def test_without_layouts_there_are_no_links_to_speak_of():
    (found,) = (each for each in SECTIONS if "LinkStrengths" in each.made_from)
    text = found.text(evidence_of(world("random", PAIRS)), strengths().isel(network=[], link=[]))
    assert text == "No study uses a layout of one slot with a target.\n"


def test_what_held_promises_is_compared_with_all_measurements(random):
    random.measured_speb.loc[{"carry": "held", "clock": "synchronous"}][:10] *= 4
    text = section("held", random)
    assert "promises (synchronous / asynchronous) 1.00 / 1.00 times that bound in single and less than that" in text
    assert "bound in 25 % / 0 % of the random networks" in text


def test_exchanges_stand_beside_their_closed_form():
    text = section("RLM-OWR")
    row = re.search(r"\| 100 \| (\S+) / 100 \| (\S+) / 0.141 \| (\S+) / 3 \|", text)
    assert [float(each) for each in row.groups()] == pytest.approx([100, 0.141, 3], rel=0.1)
    assert "by 3 m" in text
    assert "all 3 settings" in text
    assert "by 2.0e-05 to 2.0e-05 of it in the layouts" in text
