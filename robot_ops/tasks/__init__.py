"""The vocabulary of tasks: requests, status, orders, custody and the ledger port."""
