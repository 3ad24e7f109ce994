"""Points into records: what is solved, kept and published."""

import pytest
from builders import point_of

from isal.study import files, solving
from isal.study.solving import solve_missing
from isal.study.store import records

SPLITS = [(first, 10_000_000 - first) for first in (1_000_000, 2_000_000, 3_000_000, 4_000_000, 5_000_000)]


def wanted_of(split, fingerprint="one"):
    """A point and its fingerprint."""
    return point_of(energies_uj=split), fingerprint


#: What can't be solved.
BAD = wanted_of((0, 10_000_000))


@pytest.fixture
def job(monkeypatch, tmp_path):
    """The chunks, of two, that are solved, and what is asked for: point and fingerprint by path."""
    solved = []

    def counted(chunk):
        solved.append([point.energies_uj for point in chunk])
        return solve_all(chunk)

    solve_all = solving.solve_all
    monkeypatch.setattr(solving, "solve_all", counted)
    monkeypatch.setattr(solving, "CHUNK", 2)
    return solved, {tmp_path / f"{split[0]}.nc": wanted_of(split) for split in SPLITS}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_all_points_are_solved_in_chunks_and_then_published(job, tmp_path, capsys):
    solved, wanted = job
    assert solve_missing(wanted) == 0
    assert solved == [SPLITS[:2], SPLITS[2:4], SPLITS[4:]]
    assert names(tmp_path) == sorted(path.name for path in wanted)
    assert all(records.holds(path, fingerprint) for path, (_, fingerprint) in wanted.items())
    assert "5 of 5 points solved, the others held already" in capsys.readouterr().out
    assert solve_missing(wanted) == 0
    assert len(solved) == 3


def test_a_point_that_fails_is_named_and_the_others_wait_for_it(job, tmp_path, capsys):
    solved, wanted = job
    bad = list(wanted)[1]
    good = wanted[bad]
    wanted[bad] = BAD
    assert solve_missing(wanted) == 1
    error = capsys.readouterr().err
    assert "7c/synchronous/500MHz/step-by-step-held/e0-10000: " in error
    assert "1 of 5 points failed; a re-run tries only these" in error
    assert names(tmp_path) == sorted(f".{path.name}.solved" for path in wanted if path != bad)
    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    solved.clear()
    assert solve_missing(wanted) == 1
    assert solved == [[(0, 10_000_000)]]

    solved.clear()
    wanted[bad] = good
    assert solve_missing(wanted) == 0
    assert solved == [[SPLITS[1]]]
    assert names(tmp_path) == sorted(path.name for path in wanted)
    assert all((tmp_path / name[1:].removesuffix(".solved")).read_bytes() == content for name, content in kept.items())


def test_what_was_kept_is_checked_before_it_is_used(job, tmp_path):
    """One kept file is cut short, another is of an older configuration; both are solved again."""
    solved, wanted = job
    *_, fails = wanted
    good = wanted[fails]
    wanted[fails] = BAD
    solve_missing(wanted)
    wanted[fails] = good
    first, second, *_ = wanted
    kept = first.with_name(f".{first.name}.solved")
    kept.write_bytes(kept.read_bytes()[:500])
    wanted[second] = wanted_of(SPLITS[1], "two")
    solved.clear()
    assert solve_missing(wanted) == 0
    assert solved == [SPLITS[:2], SPLITS[4:]]
    assert all(records.holds(path, fingerprint) for path, (_, fingerprint) in wanted.items())
    assert names(tmp_path) == sorted(path.name for path in wanted)


def test_records_that_hold_are_left_alone(job):
    solved, wanted = job
    solve_missing(wanted)
    before = {path: path.read_bytes() for path in wanted}
    stale = list(wanted)[3]
    wanted[stale] = wanted_of(SPLITS[3], "two")
    solved.clear()
    assert solve_missing(wanted) == 0
    assert solved == [[SPLITS[3]]]
    assert {path for path in wanted if path.read_bytes() != before[path]} == {stale}


def test_what_an_edit_has_set_aside_is_published_and_not_solved_when_it_is_taken_back(job, tmp_path):
    solved, wanted = job
    solve_missing(wanted)
    before = {path: path.read_bytes() for path in wanted}
    first, second, *_ = wanted
    for path in (first, second):
        records.set_aside(path, "two")
    solve_missing({first: (wanted[first][0], "two")})  # the job of the second one fails
    solved.clear()
    for path, (_, fingerprint) in wanted.items():
        records.set_aside(path, fingerprint)
    assert solve_missing(wanted) == 0
    assert solved == []
    assert {path: path.read_bytes() for path in wanted} == before
    assert names(tmp_path) == sorted([*(path.name for path in wanted), files.earlier(first).name])


def test_what_a_killed_job_for_the_same_points_left_is_removed(job, tmp_path):
    _, wanted = job
    solve_missing(wanted)
    for path in list(wanted)[:2]:
        records.unpublished(path).write_bytes(path.read_bytes())
    assert solve_missing(wanted) == 0
    assert names(tmp_path) == sorted(path.name for path in wanted)


def test_a_record_that_cannot_be_written_ends_the_job_by_name(job, tmp_path, monkeypatch, capsys):
    solved, wanted = job

    def write(path, point, *rest):
        if point.energies_uj == SPLITS[2]:
            raise files.WriteError(f"{path}: can't be written (No space left on device)")
        write_record(path, point, *rest)

    write_record = records.write
    monkeypatch.setattr(records, "write", write)
    assert solve_missing(wanted) == 1
    assert "step-by-step-held/e3000-7000: " in capsys.readouterr().err
    assert solved == [SPLITS[:2], SPLITS[2:4]]
    assert len(names(tmp_path)) == 2
