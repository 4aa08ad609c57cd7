"""Inboxes, accounted for: that nothing was withheld, and what became of what one sent.

* A recipient compares what it was shown with the ledger, span by span, and keeps the exchange's own
  word for each: `keeper`, `confirming`, `proof`.
* Whoever holds such a span and an entry that is missing from it can prove that the entry was
  withheld: `withholding`.
* A sender sees, with proofs, what became of a statement at each of its recipients: `deliveries`.
"""
