"""Several targets: the least energy that brings each to 5 cm, and what other goals make of the same energy.

Prints:

    6.81 J bring each target to 5.00 cm
    with it the worst target is at best at 5.00 cm
    at the least sum of squared errors it is at 5.54 cm
"""

import isal

network = isal.Network(
    anchors=[[0, 0], [150, 0], [150, 100], [0, 100]],
    radars=[[50, 38], [100, 62]],
    targets=[[25, 75], [62, 20], [75, 50], [112, 30], [130, 82]],
)
given = {"network": network, "radio": isal.Radio(), "clock": "asynchronous"}

least = isal.allocate(**given, requirements=0.05)  # metres, RMSE
print(f"{least.energy:.2f} J bring each target to {100 * max(least.errors.values()):.2f} cm")

# the dual problem: with that energy, the worst target is at best as good as required
worst = isal.allocate(**given, goals="worst target", energy=least.energy)
print(f"with it the worst target is at best at {100 * worst.value**0.5:.2f} cm")

# the least sum of the squared errors leaves some targets behind
total = isal.allocate(**given, goals=range(5), energy=least.energy)
print(f"at the least sum of squared errors it is at {100 * max(total.errors.values()):.2f} cm")
