"""Two slots (Section 3.3): what slot 1 says of radars and clocks helps slot 2.

Prints:

    equal halves:  10.889 * 1e-3 m^2
    best split:    5.827 * 1e-3 m^2, slot 1 gets 0.34 J
    rule of thumb: slot 1 gets 0.34 J
"""

import isal

# network 8b of the study: the first slot is easy, the second is hard
anchors = [[20, 20], [180, 20]]
slots = [
    isal.Network(anchors, radars=[[95, 105], [105, 95]], targets=[[102, 104]]),
    isal.Network(anchors, radars=[[60, 150], [140, 160]], targets=[[100, 90]]),
]
radio = isal.Radio()

halves = isal.integrated(slots, radio, clock="synchronous", energies=(5.0, 5.0))
print(f"equal halves:  {1e3 * halves.speb:.3f} * 1e-3 m^2")  # the sum of both slots' bounds

best = isal.best_split(slots, radio, clock="synchronous", energy=10.0, scheme="integrated")
print(f"best split:    {1e3 * best.speb:.3f} * 1e-3 m^2, slot 1 gets {best.energies[0]:.2f} J")
# slot s alone reaches c_s / E_s, so that the best energies are about as the square roots of c_s
alone = [isal.integrated(slot, radio, clock="synchronous", energy=1.0).speb ** 0.5 for slot in slots]
print(f"rule of thumb: slot 1 gets {10 * alone[0] / sum(alone):.2f} J")
