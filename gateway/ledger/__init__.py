"""The ledger: blocks into JetStream, and the one integrator that folds them.

* `nats_server`, `nats_conf`, `tether`, `lock`: the embedded nats-server child.
* `nats_roles`, `nats_connection`: who may do what over NATS, and one connection of one role.
* `stream_setup`: makes the stream once, at `init`; refuses one that is not durable.
* `stream`, `announcements`: the adapters of `gateway.ports` over NATS.
* `memory`: the same ports without a server, for tests; both pass one contract suite.
* `schema`, `projection`, `tiles`, `store`: what a block comes to, committed at once.
* `snapshot`, `reader`: the same, read.
* `keeper`, `integrator`, `inception`: who signs, who folds, and how a ledger begins.
* `head`, `recorder`: a worker's side, from an admitted entry to its answer.

Nothing here knows gRPC, and nothing here decides who may say what.
"""
