"""Robot side: behavior trees that execute missions."""
