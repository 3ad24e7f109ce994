"""What is measured: networks, radios, and the Fisher information of their links."""
