"""Files that appear under their name only when they are complete, what is left of writing one, and earlier versions."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

#: Seconds after which what a process of another machine left is taken for left; a file is written in far less.
LEFT_AFTER = 86_400

#: What a sound file says that it was made from; None of a file that is missing or damaged.
Fingerprint = Callable[[Path], str | None]


class WriteError(OSError):
    """A file that can't be written; the message names the file, the cause and the way out."""


def write(path: Path, content: bytes | memoryview) -> None:
    """Write a file through a temporary one beside it, which only this process writes to.

    Raises
    ------
    WriteError
        If it can't be written; what stood there stays.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(content)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside a path, which only this process writes to, and which then takes its place.

    Raises
    ------
    WriteError
        If it can't be written; what stood there stays.
    """
    temporary = _temporary(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except (OSError, RuntimeError) as error:  # the latter is what netCDF4 makes of some of them
        cause = getattr(error, "strerror", None) or error
        raise WriteError(f"{path}: can't be written ({cause}); see to that and run snakemake again") from error


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{platform.node()}.{os.getpid()}.tmp")


def earlier(path: Path) -> Path:
    """Where the last file of another fingerprint that stood at a path waits, in case it is wanted again."""
    return path.with_name(f".{path.name}.earlier")


def set_aside(path: Path, wanted: str, fingerprint: Fingerprint) -> None:
    """Move a file without the fingerprint that is wanted to :func:`earlier`; if the one there has it, exchange them.

    So an edit that is taken back finds the result that it had, which gets today's date, as what was made from it in the
    meantime is out of date. A damaged file is removed.
    """
    if not path.exists() or (found := fingerprint(path)) == wanted:
        return
    kept, again = earlier(path), _temporary(path)
    exchanged = fingerprint(kept) == wanted
    if exchanged:
        kept.replace(again)
    if found is None:
        path.unlink()
    else:
        path.replace(kept)
    if exchanged:
        os.utime(again)
        again.replace(path)


def remove_left(folder: Path) -> None:
    """Remove the temporary files below a folder whose process has been killed."""
    for temporary in folder.rglob(".*.tmp"):
        owner, _, process = temporary.name.removesuffix(".tmp").rpartition(".")
        here = owner.endswith(f".{platform.node()}") and process.isdecimal()
        try:
            left = not _runs(int(process)) if here else temporary.stat().st_mtime < time.time() - LEFT_AFTER
            if left:
                temporary.unlink()
        except FileNotFoundError:  # its process has just finished it
            continue


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        return True
    return True
