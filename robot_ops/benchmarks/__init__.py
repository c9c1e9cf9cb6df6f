"""Benchmarks against published figures: `robot-ops bench`. Nothing here runs in production."""
