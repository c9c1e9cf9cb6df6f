"""Embedded and deterministic simulation."""
