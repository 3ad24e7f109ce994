"""What is lost and what must be typed after each fault; docs/faults.md is the table of these.

ISAL_KILLS is how often each kind of process is killed, ISAL_KILL_POINTS how many points there are: `make test-faults`.
"""

import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import xarray as xr
from project import Project

from isal.study.store import records

KILLS = int(os.environ.get("ISAL_KILLS", "2"))
KILL_POINTS = int(os.environ.get("ISAL_KILL_POINTS", "10"))
KILLS_PER_STUDY = 10
STUDY = "results/datasets/small.nc"
SEED = int(os.environ.get("ISAL_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)


@pytest.fixture
def project(request, tmp_path):
    """A study of so many points as the test asks for, which has not been run."""
    return study_of(request.param, tmp_path / "project")


def study_of(points, folder):
    """One network: the integrated scheme and evenly spread splits of 10 J."""
    project = Project.create(folder)
    splits = [round(10 * number / points, 6) for number in range(1, points)]
    project.configure(
        lambda config: config["studies"]["small"].update(networks=["7b"], step_1_energy_j=splits),
    )
    return project


def assert_sound(project):
    """Every record file under its final name is whole and what the configuration asks for."""
    fingerprints = fingerprints_of(project)
    for name, path in project.records.items():
        # Snakemake may be about to remove what a killed job has made
        assert records.holds(path, fingerprints[f"results/{name}"]) or not path.exists(), name


def fingerprints_of(project):
    """Fingerprint of every record file, by the project's own code."""
    code = (
        "import json; from pathlib import Path; from isal.workflow.plan import Plan\n"
        "plan = Plan.read(Path('results/plan.json'))\n"
        "print(json.dumps({path: file.fingerprint for path, file in plan.record_files.items()}))"
    )
    environment = project.environment() | {"PYTHONPATH": str(project.folder)}
    asked = subprocess.run(
        [sys.executable, "-c", code], cwd=project.folder, env=environment, capture_output=True, text=True, check=True
    )
    return json.loads(asked.stdout)


def assert_complete(project, *command):
    assert_sound(project)
    assert project.contents().keys() == project.read_plan().points.keys()
    assert project.plan(*command) == {}
    hidden = {path.name for path in (project.folder / "results").rglob(".*")} - {".lock"}
    # what an edit has replaced is kept on purpose
    assert {name for name in hidden if not name.endswith(".earlier")} == set()


def start(project, *command):
    return subprocess.Popen(
        project.command(*command, "--cores", "2"),
        cwd=project.folder,
        env=project.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def solved(project):
    """Number of points solved, published or not."""
    return len(project.contents() | project.contents(waiting=True))


def wait_for(project, process, count):
    """Whether the run still goes on when so many points are solved."""
    while process.poll() is None and solved(project) < count:
        time.sleep(0.01)
    return process.poll() is None


def children(pid):
    """All processes below one, from /proc."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                found += [int(stat.parent.name), *children(int(stat.parent.name))]
    return found


def kill_a_job(project, process, draw):
    """Kill the shell or the Python of a job, as soon as one runs, and tell its points; None if none does any more."""
    while process.poll() is None:
        running = children(process.pid)
        if running:
            victim = draw.choice(running)
            with contextlib.suppress(OSError):
                command = Path(f"/proc/{victim}/cmdline").read_text().replace("\0", " ")
                os.kill(victim, signal.SIGKILL)
                paths = re.findall(r"--output (results/\S+)", command)
                return {point.label for path in paths for point, _ in project.read_plan().record_files[path].wanted()}
        time.sleep(0.01)
    return None


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds jobs in /proc")
@pytest.mark.parametrize(
    ("victim", "points_per_job"),
    [
        ("job", 1),
        ("snakemake", 10),
        ("all", 1),
        *(pytest.param(*each, marks=pytest.mark.slow) for each in (("job", 10), ("snakemake", 1), ("all", 10))),
    ],
)
def test_killed_at_random(victim, points_per_job, tmp_path, capsys):
    """What was finished before a kill is there afterwards, byte by byte, and a plain re-run makes the rest."""
    draw = random.Random(SEED)
    command = ("paper", "--config", f"points_per_job={points_per_job}")
    kills = studies = reruns = kept = 0
    began = time.monotonic()
    try:
        while kills < KILLS:
            studies += 1
            project = study_of(KILL_POINTS, tmp_path / f"project_{studies}")
            before, resolved, process = {}, set(), start(project, *command)
            for _ in range(min(KILLS_PER_STUDY, KILLS - kills)):
                here = solved(project)
                if not wait_for(project, process, here + draw.randint(0, max(1, KILL_POINTS // 5))):
                    break
                time.sleep(draw.uniform(0, 2 if here == KILL_POINTS else 0.3))
                if victim == "job":
                    own = kill_a_job(project, process, draw)
                    if own is None:
                        continue
                    kills += 1
                    # Snakemake removes the outputs of a job that is killed after it has published them
                    resolved |= own
                    before = {name: content for name, content in before.items() if name not in own}
                elif process.poll() is None:
                    kills += 1
                    (os.killpg if victim == "all" else os.kill)(process.pid, signal.SIGKILL)
                    process.wait()
                before = finished(project, before, resolved)
                if victim != "job":
                    # orphaned jobs still go on
                    process = start(project, *command)
                    reruns += 1
            ended = process.wait()
            assert victim == "job" or ended == 0
            before = finished(project, before, resolved)
            kept += len(before)
            if ended != 0:
                project.succeed(*command)
                reruns += 1
            finished(project, before)
            assert_complete(project, *command)
            shutil.rmtree(project.folder)
    except BaseException:
        print(f"repeat with ISAL_SEED={SEED} ISAL_KILLS={KILLS} ISAL_KILL_POINTS={KILL_POINTS}")
        raise
    with capsys.disabled():
        print(
            f"\n{victim}, {points_per_job} per job: {kills} kills in {studies} studies of {KILL_POINTS} points, "
            f"{reruns} re-runs, {kept} records kept, {time.monotonic() - began:.0f} s, seed {SEED}"
        )


def finished(project, before, but=()):
    """Digests of the finished points ``but`` some, which are all sound and include those of before."""
    if not (project.folder / "results/plan.json").exists():
        return before
    assert_sound(project)
    contents = project.contents()
    assert {name: contents.get(name) for name in before} == before
    return {name: content for name, content in contents.items() if name not in but}


@pytest.mark.parametrize(("project", "points_per_job"), [(6, 1), (6, 6)], indirect=["project"])
def test_a_job_killed_while_it_replaces_a_record_is_tried_again(project, points_per_job):
    """Snakemake takes the old record, which a failed job leaves there, for what the job should have made."""
    command = (STUDY, "--config", f"points_per_job={points_per_job}")
    project.use_faulty_solver()
    project.succeed(*command)
    before = project.contents()
    networks = (project.folder / "config/networks.yaml").read_text()
    project.configure(lambda file: file["single_slot"]["7b"]["radars"][0].__setitem__(0, 46), "config/networks.yaml")
    project.order_fault("killed")
    done = project.run(*command)
    assert done.returncode != 0
    assert "failed: without a word (killed?) (results/logs/" in done.stderr
    assert ("failed: 1 more, see the logs" in done.stderr) == (points_per_job == 1)
    assert project.records == {}
    # nothing is solved if the change is taken back
    project.order_fault()
    (project.folder / "config/networks.yaml").write_text(networks)
    project.succeed(*command)
    assert project.contents() == before
    assert_complete(project, *command)


@pytest.fixture
def mount(tmp_path):
    """Mounts for a test; where mounting is not permitted the test is skipped."""
    mounted = []

    def do(*arguments):
        done = subprocess.run(["mount", *map(str, arguments)], capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip(f"mounting is not permitted: {done.stderr.strip()}")
        if "remount" not in str(arguments):
            mounted.append(arguments[-1])

    if shutil.which("mount") is None:
        pytest.skip("there is no mount")
    yield do
    for folder in reversed(mounted):
        subprocess.run(["umount", "--lazy", folder], capture_output=True)  # unless the test has


@pytest.fixture
def read_only(request):
    """Takes away the right to write below a folder for a while, and tells what the system then says."""

    @contextlib.contextmanager
    def do(folder):
        if os.geteuid() == 0:  # whom no permissions stop
            mount = request.getfixturevalue("mount")
            mount("--bind", folder, folder)
            mount("-o", "remount,ro,bind", folder)
            yield "Read-only file system"
            mount("-o", "remount,rw,bind", folder)
            subprocess.run(["umount", "--lazy", folder], check=True)
        else:
            modes = {path: path.stat().st_mode for path in (folder, *folder.rglob("*"))}
            for path, mode in modes.items():
                path.chmod(mode & ~0o222)
            yield "Permission denied"
            for path, mode in modes.items():
                path.chmod(mode)

    return do


def fill(folder, leave):
    """Fill a file system up to some bytes."""
    filler = folder / "filler"
    filler.write_bytes(b"")
    filler.write_bytes(bytes(shutil.disk_usage(folder).free - leave))
    return filler


@pytest.mark.parametrize("project", [20], indirect=True)
@pytest.mark.parametrize(("points_per_job", "size"), [(1, "180k"), (20, "56k")])
def test_a_full_disk(project, points_per_job, size, mount):
    """There is room for about half of the points; logs and plan take some, too."""
    command = ("paper", "--config", f"points_per_job={points_per_job}")
    project.run_at_start("from isal.study import solving\nsolving.CHUNK = 5; solving.KEEP_AFTER_S = 0\n")
    results = project.folder / "results"
    results.mkdir()
    mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", results)
    done = project.run(*command)
    assert done.returncode != 0
    assert "No space left on device" in done.stderr
    assert_sound(project)
    assert list(results.rglob("*.tmp")) == []
    before = project.contents()
    assert 0 < solved(project) < 20
    mount("-o", "remount,size=16m", results)
    project.succeed(*command)
    after = project.contents()
    assert {name: after[name] for name in before} == before
    assert_complete(project, *command)
    if points_per_job > 1:
        return

    # no room for a dataset, then none for a figure
    for made in (results / "datasets/small.nc", results / "figures/curves.svg"):
        made.unlink()
        filler = fill(results, 12 * 1024)
        done = project.run(*command)
        assert done.returncode != 0
        assert f"{made.relative_to(project.folder)}: can't be written (No space left on device)" in done.stderr
        assert not made.exists()
        assert list(results.rglob("*.tmp")) == []
        filler.unlink()
        project.succeed(*command)

    # nor for a single byte: logs would be empty
    (results / "datasets/small.nc").unlink()
    (results / "plan.json").unlink()
    filler = fill(results, 0)
    done = project.run(*command)
    assert done.returncode != 0
    assert "can't be written (No space left on device); see to that and run snakemake again" in done.stderr
    assert not (results / "plan.json").exists()
    filler.unlink()
    project.succeed(*command)
    assert_complete(project, *command)


def test_nothing_may_be_written(finished, read_only):
    """Refused before anything is solved, by Snakemake or, where there is nothing yet, by the workflow."""
    before = finished.contents()
    finished.configure(lambda config: config["studies"]["small"].update(step_1_energy_j=[2, 3.5, 7]))
    results = finished.folder / "results"
    with read_only(results):
        done = finished.run()
    assert done.returncode != 0
    assert "Write-protected output files" in done.stderr
    assert "results/" in done.stderr.partition("affected files:")[2]
    assert finished.contents() == before

    shutil.move(results, finished.folder / "elsewhere")
    results.mkdir()
    with read_only(results) as reason:
        done = finished.run()
    assert done.returncode != 0
    assert f"results/.lock: can't be written ({reason}); see to that and run snakemake again" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(results.iterdir()) == []

    results.rmdir()
    shutil.move(finished.folder / "elsewhere", results)
    finished.succeed("paper")
    assert before.items() <= finished.contents().items()
    assert_complete(finished, "paper")


def damage(path, kind):
    content = bytearray(path.read_bytes())
    if kind == "altered":
        speb = xr.load_dataset(path, decode_times=False).speb.values.astype(">f8").tobytes()
        assert content.count(speb) >= 1
        content[content.index(speb) + 7] ^= 1
    if kind == "flipped":
        content[len(content) // 3] ^= 0xFF
    path.write_bytes({"cut": content[: len(content) // 2], "emptied": b""}.get(kind, content))


def test_damaged_files_are_named_all_at_once_and_their_removal_repairs(finished):
    """Snakemake sees that the file is newer; who reads it sees that it is damaged. An empty one is solved again."""
    names = list(finished.records)[:3]
    for name, kind in zip(names, ["cut", "altered", "emptied"], strict=True):
        damage(finished.records[name], kind)
    damaged = {name.removeprefix("points/").removesuffix(".nc") for name in names}
    before = {name: content for name, content in finished.contents().items() if name not in damaged}
    done = finished.run()
    assert done.returncode != 0
    told = (finished.folder / "results/logs/datasets/small.log").read_text()
    for name in names[:2]:
        assert f"results/{name}: " in told
        finished.records[name].unlink()
    assert told.count("delete it and run snakemake again") == 2
    assert finished.records[names[2]].stat().st_size > 0
    finished.succeed()
    after = finished.contents()
    assert {name: after[name] for name in before} == before
    assert_complete(finished)

    read_by_others = ("small", "solver_agreement")
    for made in read_by_others:
        damage(finished.folder / f"results/datasets/{made}.nc", "flipped")
    done = finished.run()
    assert done.returncode != 0
    for made in read_by_others:
        message = f"results/datasets/{made}.nc: its content is not what was written; delete it and run snakemake again"
        assert message in done.stderr
        (finished.folder / f"results/datasets/{made}.nc").unlink()
    finished.succeed()
    assert_complete(finished)


@pytest.mark.parametrize("project", [24], indirect=True)
def test_a_second_snakemake_is_refused_and_the_first_unharmed(project):
    first = start(project, STUDY)
    assert wait_for(project, first, 2)
    os.killpg(first.pid, signal.SIGSTOP)  # else it may end before the second one looks
    second = project.run(STUDY)
    assert first.poll() is None
    os.killpg(first.pid, signal.SIGCONT)
    assert second.returncode != 0
    assert f"snakemake process {first.pid} on " in second.stderr
    assert " is working on results; wait until it has ended" in second.stderr
    assert first.wait() == 0
    assert_complete(project, STUDY)


@pytest.mark.parametrize(("project", "points_per_job"), [(16, 1), (500, 100)], indirect=["project"])
def test_a_solver_that_fails_on_one_point(project, points_per_job):
    command = (STUDY, "--config", f"points_per_job={points_per_job}")
    project.use_faulty_solver()
    project.order_fault("error", 5.0)
    published: dict[str, str] | None = None
    kept: dict[str, str] = {}
    for _ in range(2):
        done = project.run(*command)
        assert done.returncode != 0
        total, others = len(project.read_plan().points), project.n_of_findings()
        left = f"{others} left, {others} of these for the findings"
        assert f"points: {total - 1} of {total + others} done, 1 failed, {left}\n" in done.stderr
        (told,) = [line for line in done.stderr.splitlines() if line.startswith("failed: 7b/")]
        assert told.startswith("failed: 7b/synchronous/500MHz/step-by-step-held/e5000-5000: no powers at all (results/")
        log = project.folder / told.rpartition("(")[2].removesuffix(")")
        assert "no powers at all" in log.read_text()
        energies = project.energies_solved()
        if published is not None:
            assert set(energies) == {5.0}
            assert (project.contents(), project.contents(waiting=True)) == (published, kept)
        published, kept = project.contents(), project.contents(waiting=True)
        assert len(published) + len(kept) == total - 1
    project.order_fault()
    project.succeed(*command)
    after = project.contents()
    assert (published | kept).items() <= after.items()
    assert project.energies_solved() == [5.0, 5.0]
    assert_complete(project, *command)


@pytest.mark.parametrize("project", [2], indirect=True)
def test_a_killed_job_of_another_kind_is_told_of(project):
    """After the first line of its log, which is no reason."""
    project.use_faulty_solver()
    project.succeed(STUDY)
    project.order_fault("killed")
    done = project.run("results/datasets/solver_agreement.nc")
    assert done.returncode != 0
    log = "results/logs/agreement.log"
    assert (project.folder / log).read_text().startswith("repeat with: ")
    assert f"failed: without a word (killed?) ({log})\n" in done.stderr
    assert "failed: repeat with" not in done.stderr


def test_records_dated_in_the_future_stop_no_re_run(finished):
    """Snakemake would delete the dataset for being older than its records, each time."""
    before, tomorrow = finished.contents(), time.time() + 86_400
    for record in list(finished.records.values())[:2]:
        os.utime(record, (tomorrow, tomorrow))
    (finished.folder / STUDY).unlink()
    done = finished.succeed(STUDY)
    first = next(iter(finished.records))
    assert f"2 results were dated in the future, such as results/{first}, and have today's date" in done.stderr
    assert all(record.stat().st_mtime < tomorrow - 3600 for record in finished.records.values())
    assert finished.contents() == before
    assert finished.plan(STUDY) == {}


def test_a_file_system_without_locks_is_used_with_a_warning(finished):
    finished.run_at_start(
        "import errno, fcntl, os\n"
        "def flock(file, operation):\n"
        "    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))\n"
        "fcntl.flock = flock\n"
    )
    (finished.folder / STUDY).unlink()
    done = finished.succeed(STUDY)
    assert "results: its file system keeps no locks (No locks available), so that nothing keeps two" in done.stderr


def test_a_damaged_plan_is_written_anew(finished):
    """And nothing but jobs of that run reads it."""

    path = finished.folder / "results/plan.json"
    sound = path.read_bytes()
    every = 6 + finished.n_of_findings()
    path.write_bytes(sound[:1000])
    assert finished.status() == f"points: {every} of {every} done, 0 failed, 0 left\n"
    (finished.folder / STUDY).unlink()
    finished.succeed(STUDY)
    before, after = json.loads(sound), json.loads(path.read_bytes())
    assert [after[part] for part in ("config", "networks")] == [before[part] for part in ("config", "networks")]


def test_forcing_all_jobs_solves_nothing_and_removing_the_points_does(finished):
    """docs/reruns.md says so."""
    before = finished.contents()
    finished.succeed("-F", STUDY)
    assert finished.contents() == before
    shutil.rmtree(finished.folder / "results/points")
    finished.succeed("paper")
    assert set(finished.contents()) == set(before)
    assert not set(finished.contents().values()) & set(before.values())
