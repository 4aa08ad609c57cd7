"""The same members for programs without asyncio: every call is waited for.

    from forewarn_client.blocking import Operator

    with Operator.connect("homes/harbor-bank") as bank:
        for delivery in bank.follow(keep="alerts"):
            print(delivery.record.kind, delivery.record.sender)

* Each class offers what its asynchronous counterpart of `forewarn_client` does, under the same
  names and with the same parameters, results and errors.
* What comes as it comes is an `Incoming`: iterate over it, or ask `next(timeout=30)`.
* Threads may share a connection. Ctrl-C ends the call that is waited for, and `with` closes.

Documents, homes, filters, errors and results are those of `forewarn_client`.
"""

from forewarn_client.blocking.members import Agency, Lab, Member, Operator, Registrar
from forewarn_client.blocking.waiting import Incoming

__all__ = ["Agency", "Incoming", "Lab", "Member", "Operator", "Registrar"]
