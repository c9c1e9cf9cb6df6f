"""Composition root: wiring, process table and command line."""
