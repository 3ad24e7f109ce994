"""A hall in space: the height of a target takes other powers than its place on the floor, and nodes at other heights.

Prints:

    anchors at  1.5 m: all in one plane, heights are not observable
    anchors at  4.5 m: x and y to 1.9 cm with 100 % for the radars, z to 13.5 cm with 2 %
    anchors at 12.0 m: x and y to 2.0 cm with 100 % for the radars, z to  4.3 cm with 3 %
"""

import isal

corners, radars = [(0, 0), (60, 0), (60, 40), (0, 40)], [[10, 20, 1.5], [50, 25, 1.5]]  # m
for height in (1.5, 4.5, 12.0):
    hall = isal.Network([[x, y, height] for x, y in corners], radars, targets=[[25, 30, 1.5]])
    given = {"network": hall, "radio": isal.Radio(), "clock": "asynchronous", "energy": 1.0}
    try:
        floor = isal.allocate(**given, goals=["target 1 x", "target 1 y"])
    except isal.UnobservableError:
        print(f"anchors at {height:4.1f} m: all in one plane, heights are not observable")
        continue
    above = isal.allocate(**given, goals="target 1 z")
    shares = [100 * best.power[: hall.n_radars].sum() / best.energy for best in (floor, above)]  # radars come first
    errors = [100 * best.value**0.5 for best in (floor, above)]  # cm
    print(
        f"anchors at {height:4.1f} m: x and y to {errors[0]:.1f} cm with {shares[0]:.0f} % for the radars, "
        f"z to {errors[1]:4.1f} cm with {shares[1]:.0f} %"
    )
