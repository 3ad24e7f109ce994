"""Five targets, each to 5 cm, with the least energy: anchors known exactly, surveyed to 1 cm, and to 10 cm.

Prints:

    survey 0 cm: 6.81 J, optimal; radar 2 0.79 W, anchor 1 0.27 W, anchor 3 2.25 W, anchor 4 3.49 W
    survey 1 cm: 7.10 J, optimal; radar 2 0.80 W, anchor 1 0.29 W, anchor 2 0.10 W, anchor 3 2.24 W, anchor 4 3.67 W
    survey 10 cm: no energy meets the requirements: survey errors and biases keep target 1 above 0.07721 m
"""

import isal

for survey_error_m in (0.0, 0.01, 0.1):
    network = isal.Network(
        anchors=[[0, 0], [150, 0], [150, 100], [0, 100]],
        radars=[[50, 38], [100, 62]],
        targets=[[25, 75], [62, 20], [75, 50], [112, 30], [130, 82]],
        installation=isal.Installation(survey_error_m=survey_error_m),
    )
    try:
        best = isal.allocate(network, isal.Radio(), clock="asynchronous", requirements=0.05)
    except isal.InfeasibleError as error:
        said = str(error).removeprefix("network: ").partition(" (")[0]
    else:
        powers = zip(network.node_labels, best.power, strict=True)
        sent = ", ".join(f"{label} {watts:.2f} W" for label, watts in powers if watts > 0.01)
        said = f"{best.energy:.2f} J, {best.status}; {sent}"
    print(f"survey {100 * survey_error_m:.0f} cm: {said}")
