"""Does an estimator reach the bound? Maximum likelihood on simulated ranges, beside the SPEB (9).

The simulated ranges have Gaussian errors, and the iterations start at the truth: local maximum likelihood.

Prints:

    mean squared error of 20000 trials over the bound: 0.99
    what chance explains: 0.98 to 1.02
    bound of the links above 52 times the noise, over the bound of all: 1.02
"""

import isal
from isal.validation import links, positions

network = isal.Network(anchors=[[20, 20], [180, 20]], radars=[[95, 105], [105, 95]], targets=[[102, 104]])  # 7a
info = isal.information(network, isal.Radio(), clock="synchronous")
best = isal.integrated(network, isal.Radio(), clock="synchronous", energy=10.0)

# 10 blocks of 2,000 trials; the same key gives the same numbers everywhere
errors = positions.simulate(info, best.power, key=(1, 0, 0), blocks=range(10))
of_target = info.basis.indices(["targets"])
found = positions.compare(errors, positions.covariance(info, best.power), of_target)
print(f"mean squared error of {found.trials} trials over the bound: {found.mean_square / best.speb:.2f}")
print(f"what chance explains: {found.ratio_limits[0]:.2f} to {found.ratio_limits[1]:.2f}")

# a bound counts every link, but a delay can be estimated only above a threshold SNR
threshold = links.threshold_snr(info)
usable = links.usable_spebs(info, best.power, threshold).targets
print(f"bound of the links above {threshold:.0f} times the noise, over the bound of all: {usable / best.speb:.2f}")
