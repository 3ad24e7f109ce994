# Validation, what every job finds in its environment, and what happens once before the first job.

import os
import re
import shlex
import sys
from pathlib import Path

from snakemake.logging import logger
from snakemake.settings.types import DeploymentMethod, RerunTrigger

ROOT = Path(workflow.basedir)
sys.path.insert(0, str(ROOT))

from isal.study import config as isal_config, files, sources
from isal.study.store import origin, records, storage as isal_storage
from isal.workflow import locks, products, status as isal_status
from isal.workflow.plan import Plan


def configuration_sources():
    """Where the configuration comes from, what counts most first."""
    settings = workflow.config_settings
    # of the files of --configfile the last one counts most, and each before the Snakefile's own
    paths = list(reversed(settings.configfiles))
    if not (settings.replace_workflow_config and settings.overwrite_config):
        paths += workflow.configfiles[len(paths) :]
    found = [sources.read(Path(path), os.path.relpath(path)) for path in paths]
    if settings.config:
        found.insert(0, sources.of_command_line(settings.config, settings.config_args))
    return sources.Sources(tuple(found))


try:
    SOURCES = configuration_sources()
    CONFIGURATION = isal_config.load(config, SOURCES, [Path.cwd(), ROOT])
    PLAN = Plan.of(CONFIGURATION)
except isal_config.ConfigError as error:
    raise WorkflowError(str(error)) from None

# captions look there, and know neither what was left out nor the figures that were chosen for a study without any
config.update(
    {key: CONFIGURATION.source["config"][key] for key in ("studies", "figures")}
)

if workflow.is_main_process:
    for doubt in isal_config.doubts(CONFIGURATION, SOURCES):
        logger.warning(doubt)

LOGS = PLAN.in_results("logs")


def environment():
    """Shell assignments for every job, here and on a cluster; no job depends on where they point."""
    variables = {
        "PYTHONPATH": ROOT,
        "ISAL_SCRIPTS": ROOT / "workflow" / "scripts",
        "ISAL_PLAN": PLAN.path,
        "ISAL_COMMIT": origin.commit(),
    }
    exports = [f"{name}={shlex.quote(str(value))}" for name, value in variables.items()]
    if DeploymentMethod.CONDA not in workflow.deployment_settings.deployment_method:
        # the interpreter that runs Snakemake, unless Snakemake activates an environment of its own
        exports.append(f"PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH")
    return f"set -euo pipefail; export {' '.join(exports)}; "


def hold_lock():
    """Refuse to work on the same results twice at once, and tell the time by the clock that dates them."""
    global LOCK
    path = Path(PLAN.in_results(".lock"))
    try:
        LOCK = locks.hold(path)
    except locks.HeldError as error:
        raise WorkflowError(str(error)) from None
    if LOCK.warning:
        logger.warning(LOCK.warning)
    return path.stat().st_mtime


def set_stale_aside():
    """Snakemake keeps what a failed job was to update and takes it for up to date, so nothing stale may stand there.

    What was set aside before, by a change that has been taken back, is put back.
    """
    solved = {
        product.outputs[0]: product
        for product in isal_status.sealed(PLAN)
        if product.solves
    }
    for job in workflow.dag.needrun_jobs():
        for path in job.output:
            if file := PLAN.file_at(path):
                records.set_aside(Path(path), file.fingerprint)
            elif path in solved:
                isal_storage.set_aside(Path(path), solved[path].fingerprint)


def obstacle():
    """Why nothing can be written to the results, where even the logs are empty then."""
    probe = Path(PLAN.in_results(".probe"))
    try:
        files.write(probe, bytes(1 << 16))
        probe.unlink()
    except OSError as error:
        return f"{error}\n"
    return ""


def failed_logs():
    """Logs of all jobs that failed."""
    failed = [
        each
        for job in workflow.scheduler.failed
        for each in (job if job.is_group() else [job])
    ]
    return [log for job in failed for log in job.log]


in_report = report  # at the start of a line, Snakemake takes that name for a keyword


def patterns_of(kind, shown=(), caption=""):
    """Files of a kind of result; the one that ends with ``shown`` stands in the report, under its title."""
    return [
        (
            in_report(
                path,
                caption=f"../report/{caption}.rst",
                category=lambda wildcards: kind(PLAN, **wildcards).category,
                # one label: of several, Snakemake may take all but the first for switches
                labels=lambda wildcards: {"title": kind(PLAN, **wildcards).title},
            )
            if shown and path.endswith(shown)
            else path
        )
        for path in kind.patterns(PLAN)
    ]


def names_of(kind):
    """A pattern for the names of a kind of result."""
    return "|".join(map(re.escape, kind.names(PLAN)))


def inputs_of(kind):
    return lambda wildcards: kind(PLAN, **wildcards).inputs


def fingerprint_of(kind):
    return lambda wildcards: kind(PLAN, **wildcards).fingerprint


def outputs_of(*kinds):
    """Files of all results of some kinds."""
    return [
        path for kind in kinds for product in kind.all(PLAN) for path in product.outputs
    ]


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
        now = hold_lock()
        if ahead := isal_status.bring_to_now(PLAN, now):
            logger.warning(
                f"{len(ahead)} results were dated in the future, such as {ahead[0]}, and have today's date now; "
                "is a clock wrong?"
            )
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
        f"Why a job failed stands in its log in {LOGS}/\n{obstacle()}{isal_status.told(PLAN, failed_logs())}\n"
        "What is done is kept: the same command goes on from here.",
        file=sys.stderr,
    )
