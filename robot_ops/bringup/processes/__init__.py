"""The processes of a live system: each module is run as `python -m`, wires its parts and spins them."""
