"""The lock on results: who has it, and what happens where there is none to be had."""

import errno
import fcntl
import os

import pytest

from isal.workflow import locks


def test_a_second_process_is_refused_by_the_name_of_the_first(tmp_path):
    lock = locks.hold(tmp_path / "results/.lock")
    assert lock.warning == ""
    with pytest.raises(locks.HeldError, match=rf"snakemake process {os.getpid()} on .* is working on .*/results; wait"):
        locks.hold(tmp_path / "results/.lock")
    lock.file.close()
    locks.hold(tmp_path / "results/.lock").file.close()


def test_one_that_has_not_said_its_name_yet_is_refused_too(tmp_path):
    with (tmp_path / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(locks.HeldError, match="another snakemake is working on"):
            locks.hold(tmp_path / ".lock")


@pytest.mark.parametrize("code", ["ENOSYS", "ENOLCK", "EOPNOTSUPP", "ENOTSUP"])
def test_a_file_system_without_locks_is_used_with_a_warning(tmp_path, monkeypatch, code):
    def flock(file, how):
        raise OSError(getattr(errno, code), os.strerror(getattr(errno, code)))

    monkeypatch.setattr(fcntl, "flock", flock)
    lock = locks.hold(tmp_path / ".lock")
    reason = os.strerror(getattr(errno, code))
    assert lock.warning.startswith(f"{tmp_path}: its file system keeps no locks ({reason}), so that nothing keeps two")
    assert lock.warning.endswith("start one at a time")
    assert (tmp_path / ".lock").read_text().startswith(f"snakemake process {os.getpid()} on ")
    locks.hold(tmp_path / ".lock")  # nothing refuses


def test_any_other_fault_is_one(tmp_path, monkeypatch):
    def flock(file, how):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(OSError, match="Input/output error") as error:
        locks.hold(tmp_path / ".lock")
    assert error.value.filename == str(tmp_path / ".lock")
