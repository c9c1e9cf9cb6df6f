"""Which robot does which task, and when: pure planning without memory."""
