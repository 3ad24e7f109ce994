"""Points into record files: what is solved, kept and published."""

import pytest
from builders import point_of, write_record

from isal.study import files, solving
from isal.study.fingerprint import digest
from isal.study.solving import solve_missing
from isal.study.store import records

SPLITS = [(first, 10_000_000 - first) for first in (1_000_000, 2_000_000, 3_000_000, 4_000_000, 5_000_000)]

#: What can't be solved.
BAD = (0, 10_000_000)

FILE, OTHER = map(digest, ("file", "other"))


def wanted_of(*splits, code=""):
    """Points and their fingerprints."""
    return [(point_of(energies_uj=split), digest([split, code])) for split in splits]


@pytest.fixture
def solved(monkeypatch):
    """The chunks, of two, that are solved."""
    found = []

    def counted(chunk):
        found.append([point.energies_uj for point in chunk])
        return solve_all(chunk)

    solve_all = solving.solve_all
    monkeypatch.setattr(solving, "solve_all", counted)
    monkeypatch.setattr(solving, "CHUNK", 2)
    monkeypatch.setattr(solving, "KEEP_AFTER_S", 0)
    return found


@pytest.fixture
def path(tmp_path):
    return tmp_path / "some.nc"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_all_points_are_solved_in_chunks_and_then_published(solved, path, capsys):
    wanted = wanted_of(*SPLITS)
    assert solve_missing(path, FILE, wanted) == 0
    assert solved == [SPLITS[:2], SPLITS[2:4], SPLITS[4:]]
    assert names(path.parent) == [path.name]
    assert records.read(path, FILE).fingerprints == [fingerprint for _, fingerprint in wanted]
    told = capsys.readouterr().out
    assert "4 of 5 points, " in told
    assert "5 of 5 points solved" in told
    assert solve_missing(path, FILE, wanted) == 0
    assert len(solved) == 3


def test_points_of_a_file_are_those_of_files_of_their_own(solved, path, tmp_path):
    """Number by number, whatever stands beside them: networks, steps and slots of other sizes."""
    points = [
        point_of(),
        point_of(clock="asynchronous", energies_uj=(1_000_000, 500_000, 8_500_000)),
        point_of(scheme="integrated", energies_uj=(10_000_000,)),
        point_of(slots=point_of().slots * 2, energies_uj=(4_000_000, 6_000_000)),
    ]
    wanted = [(point, digest(point.label)) for point in points]
    assert solve_missing(path, FILE, wanted) == 0
    together = records.read(path)
    for row, (point, fingerprint) in enumerate(wanted):
        alone = tmp_path / "alone.nc"
        write_record(alone, point, fingerprint)
        one = records.read(alone)
        assert together.shapes[together.arrays["shape"][row]] == one.shapes[0]
        assert together.curves[together.arrays["curve"][row]] == point.curve_json
        for name in ("speb", "lower_bound", "power", "link_snr", "target_speb", "usable_share", "iterations"):
            expected = one.arrays[name][0]
            found = together.arrays[name][row][tuple(map(slice, expected.shape))]
            assert found.tobytes() == expected.tobytes(), name


def test_a_point_that_fails_is_named_and_the_others_wait_for_it(solved, path, capsys):
    good = wanted_of(*SPLITS)
    wanted = [good[0], *wanted_of(BAD), *good[2:]]
    assert solve_missing(path, FILE, wanted) == 1
    error = capsys.readouterr().err
    assert "7c/synchronous/500MHz/step-by-step-held/e0-10000: " in error
    assert "1 of 5 points failed; a re-run tries only these" in error
    assert not path.exists()
    assert sum(len(records.read(kept)) for kept in records.waiting(path)) == 4

    solved.clear()
    assert solve_missing(path, FILE, wanted) == 1
    assert solved == [[BAD]]

    solved.clear()
    assert solve_missing(path, OTHER, good) == 0
    assert solved == [[SPLITS[1]]]
    assert names(path.parent) == [path.name]


def test_what_was_kept_is_checked_before_it_is_used(solved, path):
    """Of two kept files one is cut short; the points of the other are of an older configuration in part."""
    good = wanted_of(*SPLITS)
    solve_missing(path, FILE, [*good[:4], *wanted_of(BAD)])
    first, *_ = records.waiting(path)
    first.write_bytes(first.read_bytes()[:500])
    edited = wanted_of(SPLITS[2], code="new")
    solved.clear()
    assert solve_missing(path, FILE, [*good[:2], *edited, *good[3:]]) == 0
    assert solved == [SPLITS[:2], [SPLITS[2], SPLITS[4]]]
    assert records.holds(path, FILE)
    assert names(path.parent) == [path.name]


def test_points_that_hold_are_left_alone(solved, path):
    """In a file that has other points, too."""
    wanted = wanted_of(*SPLITS)
    solve_missing(path, FILE, wanted)
    before = records.read(path)
    solved.clear()
    assert solve_missing(path, OTHER, [*wanted[:3], *wanted_of(SPLITS[3], code="new"), wanted[4]]) == 0
    assert solved == [[SPLITS[3]]]
    after = records.read(path, OTHER)
    assert (after.arrays["seconds"] != before.arrays["seconds"]).any(axis=1).tolist() == [False] * 3 + [True, False]


def test_points_are_taken_from_other_files(solved, path, tmp_path):
    """As after another number of points per job."""
    wanted = wanted_of(*SPLITS)
    elsewhere = [tmp_path / name for name in ("one.nc", "damaged.nc", "two.nc", "missing.nc")]
    solve_missing(elsewhere[0], OTHER, wanted[:2])
    elsewhere[1].write_bytes(elsewhere[0].read_bytes()[:200])
    solve_missing(elsewhere[2], OTHER, wanted[1:4])
    solved.clear()
    assert solve_missing(path, FILE, wanted, elsewhere) == 0
    assert solved == [SPLITS[4:]]
    assert records.read(path, FILE).fingerprints == [fingerprint for _, fingerprint in wanted]


def test_what_an_edit_has_set_aside_is_not_solved_when_it_is_taken_back(solved, path):
    wanted = wanted_of(*SPLITS)
    solve_missing(path, FILE, wanted)
    before = path.read_bytes()
    records.set_aside(path, OTHER)
    assert not path.exists()
    solve_missing(path, OTHER, wanted_of(*SPLITS[:2], code="new"))
    solved.clear()
    records.set_aside(path, FILE)
    assert solve_missing(path, FILE, wanted) == 0
    assert solved == []
    assert path.read_bytes() == before


def test_what_a_killed_job_for_the_same_points_left_is_removed(path):
    wanted = wanted_of(*SPLITS)
    solve_missing(path, FILE, wanted)
    records.next_waiting(path).write_bytes(path.read_bytes())
    assert solve_missing(path, FILE, wanted) == 0
    assert names(path.parent) == [path.name]


def test_a_file_that_cannot_be_written_ends_the_job_by_name(solved, path, monkeypatch, capsys):
    def write(place, found, *rest):
        if solved[-1] != SPLITS[:2]:
            raise files.WriteError(f"{place}: can't be written (No space left on device)")
        write_records(place, found, *rest)

    write_records = records.write
    monkeypatch.setattr(records, "write", write)
    assert solve_missing(path, FILE, wanted_of(*SPLITS)) == 1
    assert "some.nc" in (told := capsys.readouterr().err)
    assert "can't be written (No space left on device)" in told
    assert solved == [SPLITS[:2], SPLITS[2:4]]
    assert len(names(path.parent)) == 1
