"""What the parts ask of the outside: the stream, the store, other nodes.

* `blocks`, `reading`, `published`, `conditions`, `metering`, and other `nodes`: a module for each.
* A port is a `Protocol` and the small frozen values that cross it; adapters live in
  `gateway.ledger`, and `gateway.compose` alone decides which adapter a part is given.
* Ports are split by privilege, not by technology: who may append blocks cannot read the stream,
  who may read it cannot append.

The package holds no logic and knows neither NATS nor SQLite.
"""
