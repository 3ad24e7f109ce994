"""One run at a time on the same results, where the file system can tell."""

from __future__ import annotations

import errno
import fcntl
import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

#: What a file system says that keeps no locks: Lustre without its mount option, NFS without its lock server.
NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP)


class HeldError(RuntimeError):
    """Another run holds the lock; the message names it."""


@dataclass(frozen=True)
class Lock:
    """A lock that ends with this process, however that ends.

    Attributes
    ----------
    file
        The open file that holds it.
    warning
        What is to be known if the file system keeps no locks, else nothing.
    """

    file: TextIO
    warning: str


def hold(path: Path) -> Lock:
    """Take the lock on a folder that is the file ``path`` in it.

    Where the file system keeps no locks there is none, and the warning says so: to refuse all work there would help
    nobody, and a file that merely exists would outlive a process that is killed.

    Raises
    ------
    HeldError
        If another process has it.
    OSError
        If the file can't be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file, warning = path.open("a+"), ""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        with file:
            owner = file.read().strip() or "another snakemake"
        raise HeldError(f"{owner} is working on {path.parent}; wait until it has ended") from None
    except OSError as error:
        if error.errno not in NO_LOCKS:
            error.filename = str(path)
            raise
        warning = (
            f"{path.parent}: its file system keeps no locks ({error.strerror}), so that nothing keeps two snakemakes "
            "apart that work on it at once; start one at a time"
        )
    file.truncate(0)
    file.write(f"snakemake process {os.getpid()} on {platform.node()}")
    file.flush()
    return Lock(file, warning)
