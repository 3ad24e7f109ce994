"""What bounds mean on simulated and on real radios: estimators beside their bounds."""
