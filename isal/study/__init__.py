"""A parameter study: its configuration, its points, how they are evaluated and stored."""
