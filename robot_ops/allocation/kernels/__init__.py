"""Compiled pickup-and-delivery search on flat arrays."""
