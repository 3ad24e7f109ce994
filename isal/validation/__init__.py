"""Where the bounds mean something: what estimators reach, and which links of a network are strong enough for it."""
