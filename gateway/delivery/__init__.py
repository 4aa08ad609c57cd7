"""Delivery: open streams, woken when the ledger grows, read from the store."""
