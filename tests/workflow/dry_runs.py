"""Dry runs in a third of the time: a process imports Snakemake once, and each dry run is a fork of it.

Nothing else is shared: every fork parses the workflow, reads the metadata and imports isal for itself.
"""

from __future__ import annotations

import json
import os
import site
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

#: Packages that the workflow imports; isal is not among them, each project has its own.
PACKAGES = ("jsonschema", "netCDF4", "numpy", "snakemake.cli", "xarray", "yaml")


@cache
def _server() -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def dry_run(arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> tuple[int, str]:
    """Exit code and output of `snakemake <arguments> --dry-run` in a folder."""
    output = folder / ".dry-run"
    server = _server()
    assert server.stdin is not None
    assert server.stdout is not None
    request = {
        "arguments": [*arguments, "--dry-run"],
        "folder": str(folder),
        "environment": dict(environment),
        "output": str(output),
    }
    print(json.dumps(request), file=server.stdin, flush=True)
    code = int(server.stdout.readline())
    text = output.read_text()
    output.unlink()
    return code, text


def _serve() -> None:
    from importlib import import_module

    for package in PACKAGES:
        import_module(package)
    for line in sys.stdin:
        request = json.loads(line)
        if (child := os.fork()) == 0:
            _run(request)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _run(request: Mapping[str, str]) -> None:
    from snakemake.cli import main

    file = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for descriptor in (1, 2):
        os.dup2(file, descriptor)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    if "PYTHONPATH" in os.environ:  # what Python itself does at its start
        sys.path.insert(0, os.environ["PYTHONPATH"])
        sys.modules.pop("sitecustomize", None)
        site.execsitecustomize()
    code = 1
    try:
        main(request["arguments"])
        code = 0
    except SystemExit as ended:
        code = int(ended.code or 0)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve()
