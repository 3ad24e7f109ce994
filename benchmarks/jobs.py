"""As many jobs as points in the larger of the large studies: half an hour, so only if asked for by `--only jobs`."""

from __future__ import annotations

from collections.abc import Iterator

from measure import Row
from scale import SIZES, one_per_job


def rows() -> Iterator[Row]:
    yield from one_per_job(max(SIZES))
