"""A target that is followed: powers are kept while their certificate says that none are 1 % better.

From the powers alone, then with a solution at each tick in doubt: that computes as often, but the nodes are told new
powers more seldom.

Prints:

    powers told 34 times in 81 ticks; never more than 0.58 % above the best
    powers told  7 times in 81 ticks; never more than 1.01 % above the best
"""

import isal

anchors, radars = [[0, 0], [60, 0], [60, 40], [0, 40]], [[10, 20], [50, 25]]
asked = {"radio": isal.Radio(), "clock": "synchronous", "energy": 1.0}

for solve in (False, True):
    best = powers = isal.integrated(isal.Network(anchors, radars, [[20, 30]]), **asked)
    told, loss = 1, 0.0
    for tick in range(1, 81):
        here = isal.Network(anchors, radars, [[20 + 0.25 * tick, 30]])  # 0.25 m from tick to tick
        best = isal.integrated(here, **asked)  # to compare with
        if not isal.still_good(powers, here, threshold=0.01, solve=solve):
            powers, told = best, told + 1
        kept = isal.spebs(here, asked["radio"], powers.power, asked["clock"]).targets
        loss = max(loss, kept / best.speb - 1)
    print(f"powers told {told:2} times in 81 ticks; never more than {100 * loss:.2f} % above the best")
