"""Files that are there whole or not at all."""

import os
import platform
import subprocess
import sys
import time

import pytest

from isal.study import files


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "folder" / "file"
    files.write(path, b"first")
    assert path.read_bytes() == b"first"
    files.write(path, b"second")
    assert path.read_bytes() == b"second"
    path.with_name("taken").mkdir()
    with pytest.raises(files.WriteError, match=r"taken: can't be written \(Is a directory\); .*run snakemake again"):
        files.write(path.with_name("taken"), b"third")
    assert sorted(found.name for found in path.parent.iterdir()) == ["file", "taken"]


def test_only_what_no_process_writes_any_more_is_removed(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    here = platform.node()
    old = time.time() - 2 * files.LEFT_AFTER
    left = [f".e1.nc.{here}.{ended.pid}.tmp", ".e2.nc.elsewhere.7.tmp", ".small.nc.tmp"]
    kept = [f".e1.nc.{here}.{os.getpid()}.tmp", ".e3.nc.elsewhere.7.tmp", ".e4.nc.solved", "e5.nc", "e6.tmp"]
    folder = tmp_path / "points" / "7b"
    folder.mkdir(parents=True)
    for name in (*left, *kept):
        (folder / name).touch()
    for name in (*left[1:], kept[0]):
        os.utime(folder / name, (old, old))
    files.remove_left(tmp_path)
    assert {path.name for path in folder.iterdir()} == set(kept)
