"""Routes and clearances on the lane graph."""
