"""A witness: cosigns the checkpoints of logs that only ever grow (C2SP tlog-witness).

* `judging` decides about a checkpoint that is handed in, and with which status it is answered.
* `record` keeps the newest checkpoint of each log, on disk before anybody has its cosignature.
* `cosigning` makes cosignatures; `forewarn_client.cosignature` verifies them.
* `serving` is the HTTP side, `folder` what a witness keeps, `command` is `forewarn witness`.

A witness needs no membership and sees no statement: checkpoints are three lines about a tree.
"""
