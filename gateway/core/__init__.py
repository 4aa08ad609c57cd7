"""The pure part of the gateway: no clock, no input or output, no transport, no protobuf.

* Every function here answers from its arguments alone; `now`, ids and randomness are given to it.
* What a caller sent and got wrong is a `Refusal`; what this side got wrong is a `Fault`.
* Verification functions are recipes: their steps stand in the order of the specification they cite.
"""
