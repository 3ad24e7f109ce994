"""What bounds mean: what estimators reach, in simulation and on real radios, and which links are strong enough."""
