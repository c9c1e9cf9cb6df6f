"""Tools of the repository: they build and check it and are never installed."""
