"""Compiled inner loops of traffic planning (Numba), on flat arrays; their plain twins are oracles in the tests."""
