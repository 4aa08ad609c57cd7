"""Forewarn, a secure message-exchange gateway whose ledger a stranger can verify."""
