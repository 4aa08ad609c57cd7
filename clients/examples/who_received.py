"""A member looks who has a statement of its own, and who has not.

    python who_received.py HOME INDEX

Each fact is verified: that it left, that the recipient compared its inbox with it in it (signed, or
only on record), that it acknowledged, that it answered. Ends with status 1 where somebody has not
received it yet.
"""

import sys

from forewarn_client.blocking import Member

home, index = sys.argv[1:]
with Member.connect(home) as member:
    found = member.deliveries(int(index))
for facts in found.recipients:
    received = "not received yet"
    if facts.received is not None:
        received = "received, signed" if facts.received.signed else "received, on record"
    said = [facts.acknowledged] if facts.acknowledged is not None else []
    kinds = [record.kind for record in (*said, *facts.answered)]
    print(f"{facts.recipient}: {received}", *kinds, sep="; ")
sys.exit(1 if found.not_received else 0)
