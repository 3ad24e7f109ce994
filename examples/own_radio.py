"""A radio of one's own, whose time stamps jitter: no power buys accuracy beyond that.

Prints:

    1e-06 J: target to 112.39 mm without jitter,  119.1 mm with it
    0.001 J: target to   3.55 mm without jitter,   14.9 mm with it
    1     J: target to   0.11 mm without jitter,   12.0 mm with it
"""

import isal

network = isal.Network(anchors=[[0, 0], [8, 0], [8, 6], [0, 6]], radars=[[2, 3], [6, 3]], targets=[[4, 5]])
ideal = isal.Radio(
    carrier_frequency_hz=6.5e9,  # channel 5 of IEEE 802.15.4
    antenna_gain_db=0,
    pulse="root-raised-cosine-0.5",  # a pulse that is inside its band, unlike that of (14)
    radar_cross_section_m2=1,
    pulses=1000,
)
real = isal.Radio(**ideal.to_mapping() | {"timestamp_jitter_s": 150e-12})  # as of a DW1000

for energy in (1e-6, 1e-3, 1.0):
    reached = [
        isal.integrated(network, radio, clock="asynchronous", energy=energy).speb ** 0.5 for radio in (ideal, real)
    ]
    print(f"{energy:<5g} J: target to {1e3 * reached[0]:6.2f} mm without jitter, {1e3 * reached[1]:6.1f} mm with it")
