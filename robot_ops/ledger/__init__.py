"""Durable ledger over SQL."""
