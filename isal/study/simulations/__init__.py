"""What estimators reach, simulated: datasets of sums over trials, kept by block, beside closed forms.

Block ``b`` draws from ``default_rng([seed, study, point, b])`` with a fixed number of trials, where ``point`` is the
index of the SNR, or of the value of a setting. So no number depends on how blocks are spread over jobs, and with more
blocks the earlier ones stay what they are.
"""

#: ``study`` of each simulation, for exchanges by the setting that changes: no two draw the same random numbers.
STUDIES = {"delays": 1, "jitter_s": 2, "reply_time_s": 3, "speed_m_s": 4, "interval_s": 5}
