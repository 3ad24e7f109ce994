"""Optimal powers with certificates: the problem, the solvers, many problems side by side."""
