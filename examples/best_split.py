"""Step by step: radars, then clock offsets, then targets, each with its share of the energy (Section 4).

The best shares follow from a convex problem, without a grid. What later steps know of earlier ones is the carry-over.

Prints:

    integrated  0.2279 * 1e-3 m^2
    held        1.383 of it, at 2.27 + 0.03 + 7.70 J
    marginal    1.000 of it
"""

import isal

network = isal.Network(anchors=[[20, 180], [180, 180]], radars=[[45, 71], [91, 65]], targets=[[65, 45]])  # 7c
given = {"network": network, "radio": isal.Radio(), "clock": "asynchronous", "energy": 10.0}

integrated = isal.integrated(**given)
print(f"integrated  {1e3 * integrated.speb:.4f} * 1e-3 m^2")

# "held" is how the paper reads its scheme: earlier blocks stay as they are, so that its bound is a promise
held = isal.best_split(**given, carry="held")
energies = " + ".join(f"{energy:.2f}" for energy in held.energies)
print(f"held        {held.speb / integrated.speb:.3f} of it, at {energies} J")

# "marginal" hands on what was measured, no more: it can't beat the integrated scheme
marginal = isal.best_split(**given, carry="marginal")
print(f"marginal    {marginal.speb / integrated.speb:.3f} of it")
