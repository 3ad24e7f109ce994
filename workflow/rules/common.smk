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

from isal import config as isal_config, status as isal_status
from isal.netcdf.records import commit
from isal.study import (
    AGREEMENT_DATASET,
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
        "ISAL_COMMIT": commit(),
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
    hold_lock()
    # No input of any job: each job compares only what it uses of the plan, as a parameter.
    PLAN.write()


onerror:
    # `quiet: rules` of the profiles holds back which log to read.
    print(
        f"Why a job failed stands in its log in {LOGS}/\n{isal_status.of(PLAN)}",
        file=sys.stderr,
    )


wildcard_constraints:
    study="|".join(CONFIGURATION.studies),
    figure="[^/]+",
    reading="[^/]+",
    subjects="[^/]+",
