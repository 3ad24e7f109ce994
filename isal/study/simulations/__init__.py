"""What estimators reach, simulated: datasets of sums over trials, kept by block, beside closed forms.

Block ``b`` draws from ``default_rng([seed, study, point, b])`` with a fixed number of trials, where ``point`` is the
index of the SNR, or of the value of a setting, or stands for the name of a network and what is simulated of it
(:func:`point_of`). So no number depends on how blocks are spread over jobs, and with more blocks the earlier ones stay
what they are.
"""

import zlib

#: ``study`` of each simulation, for exchanges by the setting that changes: no two draw the same random numbers.
STUDIES = {
    **{"delays": 1, "jitter_s": 2, "reply_time_s": 3, "speed_m_s": 4, "interval_s": 5},
    **{"positions": 6, "steps": 7, "starts": 8, "outliers": 9},
}

#: What long_name says of coordinates that several simulations have.
BLOCK = {"long_name": "block of trials"}
SUM = {"long_name": "what is summed up over the trials of a block"}

#: Whose best split a step-by-step estimate is at, if it is its own.
OWN = "own"


def point_of(*names: str) -> int:
    """``point`` of what has names and no number: a network's random numbers do not depend on which others there are."""
    return zlib.crc32("/".join(names).encode())
