"""Which robot does which task, and when."""
