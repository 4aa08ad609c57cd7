"""The audit log's way in: what has to be recorded first, and what is recorded when it can be."""
