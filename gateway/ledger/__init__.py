"""The ledger: blocks into JetStream, and the one integrator that folds them.

* `nats_server`, `nats_conf`, `tether`, `lock`: the embedded nats-server child.
* `nats_roles`, `nats_connection`: who may do what over NATS, and one connection of one role.
* `stream_setup`: makes the stream once, at `init`; refuses one that is not durable.
* `stream`, `announcements`: the adapters of `gateway.ports` over NATS.
* `memory`: the same ports without a server, for tests; both pass one contract suite.

Nothing here knows gRPC, and nothing here decides who may say what.
"""
