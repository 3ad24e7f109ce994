"""A target that moves: the powers are solved anew at each place, and compared with those of the start.

The last column is the SPEB with the powers of the start over the best SPEB.

Prints:

    x = 15 m:  8.07 mm, radars get 0.52 W; as at the start:  1.0
    x = 25 m: 18.81 mm, radars get 1.00 W; as at the start:  1.2
    x = 35 m: 19.20 mm, radars get 1.00 W; as at the start:  3.1
    x = 45 m:  5.66 mm, radars get 0.80 W; as at the start: 32.6
"""

import isal

anchors, radars = [[0, 0], [60, 0], [60, 40], [0, 40]], [[10, 20], [50, 25]]
radio = isal.Radio()


def hall(x: float) -> isal.Network:
    """The target at so many metres along the hall."""
    return isal.Network(anchors, radars, targets=[[x, 30.0]])


first = isal.integrated(hall(15), radio, clock="synchronous", energy=1.0)
for x in (15, 25, 35, 45):
    best = isal.integrated(hall(x), radio, clock="synchronous", energy=1.0)
    kept = isal.spebs(hall(x), radio, first.power, clock="synchronous").targets  # the powers of the start
    of_radars = best.power[: len(radars)].sum()  # radars come first
    error, times = 1e3 * best.speb**0.5, kept / best.speb
    print(f"x = {x} m: {error:5.2f} mm, radars get {of_radars:.2f} W; as at the start: {times:4.1f}")
