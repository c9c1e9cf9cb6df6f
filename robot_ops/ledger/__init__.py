"""Durable logs: the fleet's ledger and the robots' chains of custody, in SQL databases."""
