# Validation, what every job finds in its environment, and what happens once before the first job.

import fcntl
import os
import shlex
import socket
import sys
from pathlib import Path

from snakemake.settings.types import DeploymentMethod, RerunTrigger

ROOT = Path(workflow.basedir)
sys.path.insert(0, str(ROOT))

from isal import config as isal_config, files, status as isal_status
from isal.netcdf import records, storage as isal_storage
from isal.study import (
    BEST_SPLITS_PATTERN,
    DATASET_PATTERN,
    FINDINGS_PAGE,
    FINDINGS_PATTERN,
    OBSERVATIONS_PATTERN,
    FIGURE_PATTERN,
    POINT_LOG_PATTERN,
    POINT_PATTERN,
    SHARD_LOG_PATTERN,
    TABLE_PATTERN,
    Plan,
)

try:
    for file in workflow.configfiles:
        # of a key that stands twice Snakemake takes the last one
        isal_config.read_yaml(Path(file))
    CONFIGURATION = isal_config.load(
        config,
        " + ".join(os.path.relpath(file) for file in workflow.configfiles),
        [Path.cwd(), ROOT],
    )
    PLAN = Plan.of(CONFIGURATION)
except isal_config.ConfigError as error:
    raise WorkflowError(str(error)) from None

LOGS = PLAN.in_results("logs")


def environment():
    """Shell assignments for every job, here and on a cluster; no job depends on where they point."""
    variables = {
        "PYTHONPATH": ROOT,
        "ISAL_SCRIPTS": ROOT / "workflow" / "scripts",
        "ISAL_PLAN": PLAN.plan_path,
        "ISAL_COMMIT": records.commit(),
    }
    exports = [f"{name}={shlex.quote(str(value))}" for name, value in variables.items()]
    if DeploymentMethod.CONDA not in workflow.deployment_settings.deployment_method:
        # the interpreter that runs Snakemake, unless Snakemake activates an environment of its own
        exports.append(f"PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH")
    return f"set -euo pipefail; export {' '.join(exports)}; "


def hold_lock():
    """Refuse to work on the same results twice at once. The lock ends with this process, however that ends."""
    global LOCK
    path = Path(PLAN.in_results(".lock"))
    path.parent.mkdir(parents=True, exist_ok=True)
    LOCK = path.open("a+")
    try:
        fcntl.flock(LOCK, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        LOCK.seek(0)
        raise WorkflowError(
            f"{LOCK.read().strip()} is working on {path.parent}; wait until it has ended"
        ) from None
    LOCK.truncate(0)
    LOCK.write(f"snakemake process {os.getpid()} on {socket.gethostname()}")
    LOCK.flush()


def set_stale_aside():
    """Snakemake keeps what a failed job was to update and takes it for up to date, so nothing stale may stand there.

    What was set aside before, by a change that has been taken back, is put back.
    """
    points = {PLAN.in_results(path): point for path, point in PLAN.points.items()}
    for job in workflow.dag.needrun_jobs():
        for path in job.output:
            if path in points:
                records.set_aside(Path(path), points[path].stamp)
            elif path in PLAN.solved_keys:
                isal_storage.set_aside(Path(path), PLAN.solved_keys[path])


def obstacle():
    """Why nothing can be written to the results, where even the logs are empty then."""
    probe = Path(PLAN.in_results(".probe"))
    try:
        files.write(probe, bytes(1 << 16))
        probe.unlink()
    except OSError as error:
        return f"{error}\n"
    return ""


def last_words():
    """The last line of the log of each failed job but those of points, which the status tells of."""
    failed = [
        each
        for job in workflow.scheduler.failed
        for each in (job if job.is_group() else [job])
        if not each.rule.name.startswith("solve_")
    ]
    words = ""
    for log in (Path(log) for job in failed for log in job.log):
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        words += f"failed: {lines[-1] if lines else 'without a word'} ({log})\n"
    return words


def point_of(wildcards):
    return PLAN.points[POINT_PATTERN.format(**wildcards)]


shell.prefix(environment().replace("{", "{{").replace("}", "}}"))


def force_outdated(wildcards):
    """No input, but the moment to have made again what says of itself that it is out of date.

    Snakemake's own notes (.snakemake) tell that, too, unless they are lost.
    """
    if RerunTrigger.PARAMS in workflow.dag_settings.rerun_triggers:
        workflow.dag.forcefiles.update(isal_status.outdated(PLAN))
    return []


onstart:
    try:
        hold_lock()
        files.remove_left(Path(PLAN.configuration.results))
        set_stale_aside()
        # No input of any job: each job compares only what it uses of the plan, as a parameter.
        PLAN.write()
    except files.WriteError as error:
        raise WorkflowError(str(error)) from None
    except OSError as error:
        raise WorkflowError(
            f"{error.filename or PLAN.configuration.results}: can't be written ({error.strerror}); "
            "see to that and run snakemake again"
        ) from None


onerror:
    # `quiet: rules` of the profiles holds back which log to read.
    print(
        f"Why a job failed stands in its log in {LOGS}/\n{obstacle()}{last_words()}{isal_status.of(PLAN)}",
        file=sys.stderr,
    )


wildcard_constraints:
    study="|".join(CONFIGURATION.studies),
    figure="[^/]+",
    reading="[^/]+",
    subjects="[^/]+",
