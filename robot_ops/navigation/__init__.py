"""Localization, costmaps, path following and docking."""
