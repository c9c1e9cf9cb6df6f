"""Fleet side: which robot does which task, and its traffic."""
