"""The site: levels, lanes, places, doors, lifts and robots."""
