"""The ledger: blocks into JetStream, and the one integrator that folds them.

NATS:

* `nats_server`, `nats_conf`, `spawned`, `tether`, `lock`: the embedded nats-server child.
* `nats_external`, `durability`: servers that somebody else runs, and whether they sync.
* `nats_roles`, `nats_connection`: who may do what over NATS, and one connection of one role.
* `stream_setup`: makes the stream once, at `init`; refuses one that is not durable.
* `stream`, `announcements`, `conditions`, `letters`, `notes`: `gateway.ports` over NATS.
* `memory`, `memory_nodes`: the same ports without a server, for tests; one suite tests both.

The store:

* `schema`, `projection`, `tiles`, `store`: what a block comes to, committed at once.
* `snapshot`, `reader`, `published`: the same, read.
* `observer`, `raw`, `scrub`: the same, looked at without trust in it.
* `refold`, `regeneration`, `salvage`: a store or a stream made anew from blocks that are known.

Who folds and who signs:

* `integrator`, `inception`: who folds, and how a ledger begins.
* `keeper`, `high_water`, `places`: who signs, and what it remembers outside of the store.
* `endorsing`, `lease`, `lease_kv`, `claim`, `beside`, `evidence`: several nodes; one signs.
* `witnesses`, `witness_calls`: cosignatures of others.
* `head`, `announced`, `recorder`: a worker's side, from an admitted entry to its answer.

Nothing here knows gRPC, and nothing here decides who may say what.
"""
