"""The interior-point solver with faults to order, which :meth:`project.Project.use_faulty_solver` puts in its place.

A fault is ordered by a file in the folder where jobs run, so that it can come and go while all that results depend on
stays the same. Another file tells which problems were solved.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from isal.allocation.certificate import certify
from isal.allocation.solvers import interior_point
from isal.errors import AllocationError

NAME = interior_point.NAME

#: ``[fault, energies]``: what happens to problems of these energies, in J, or to all where there are none.
ORDER = Path("solver-fault.json")

#: The energy of every problem that was solved, in J, one a line.
SOLVED = Path("solved-energies.txt")


def version():
    return interior_point.version()


def solve_all(problems, tolerances):
    fault, energies = json.loads(ORDER.read_text()) if ORDER.exists() else ("none", [])
    struck = [fault != "none" and problem.energy in (energies or [problem.energy]) for problem in problems]
    if any(struck) and fault in ENDINGS:
        sys.stdout.flush()
        ENDINGS[fault]()
    answers = [
        ANSWERS[fault](problem, tolerance) if hit else answer
        for hit, problem, tolerance, answer in zip(
            struck, problems, tolerances, interior_point.solve_all(problems, tolerances), strict=True
        )
    ]
    with SOLVED.open("a") as solved:
        solved.writelines(f"{problem.energy!r}\n" for problem in problems)
    return answers


def _killed():
    os.kill(os.getpid(), signal.SIGKILL)


def _cancelled_once():
    ORDER.unlink()
    subprocess.run(["scancel", os.environ["SLURM_JOB_ID"]], check=True)
    time.sleep(60)


def _error(_problem, _tolerance):
    return AllocationError("no powers at all")


def _uncertified(problem, tolerance):
    """Even powers, which are far from the optimum."""
    return certify(problem, problem.spread(0.9), tolerance=tolerance, solver=NAME, iterations=0, seconds=0.0)


#: What ends the job, by the name of the fault.
ENDINGS = {"killed": _killed, "cancelled once": _cancelled_once}

#: What is answered in place of the optimum.
ANSWERS = {"error": _error, "uncertified": _uncertified}
