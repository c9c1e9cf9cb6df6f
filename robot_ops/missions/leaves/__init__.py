"""Leaves of the missions' behavior trees, one file per topic."""
