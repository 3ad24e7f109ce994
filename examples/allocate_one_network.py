"""The best powers in one network: the integrated scheme, (30)-(35) of the paper, in network 7a of the study.

Prints:

    radar 1    5.4 W
    radar 2    4.6 W
    anchor 1   0.0 W
    anchor 2   0.0 W
    target to 2.60 mm, proven: True
"""

import isal

# positions in metres; radar 1 is the clock reference
network = isal.Network(anchors=[[20, 20], [180, 20]], radars=[[95, 105], [105, 95]], targets=[[102, 104]])
radio = isal.Radio()  # Table 1 of the paper

best = isal.integrated(network, radio, clock="synchronous", energy=10.0)  # 10 J in one second

for node, watts in zip(network.node_labels, best.power, strict=True):
    print(f"{node:10} {watts:.1f} W")
# the SPEB (9) is a squared error; no powers reach less than best.lower_bound, whatever the solver did
print(f"target to {1e3 * best.speb**0.5:.2f} mm, proven: {best.gap <= 1e-6}")
