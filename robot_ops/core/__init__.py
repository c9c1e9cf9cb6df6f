"""Poses, clock, ids and errors."""
