"""An agency follows its inbox and acknowledges each notice; Ctrl-C, or a COUNT of them, ends it.

python acknowledge_notices.py HOME [COUNT]
"""

import asyncio
import sys

from forewarn_client import Agency, Filter

NOTICES = Filter(kinds=("PreReleaseNotice",))


async def acknowledge(home: str, count: int) -> None:
    """Acknowledge what comes; goes on after what was acknowledged in earlier runs."""
    async with Agency.connect(home) as agency:
        # The place is kept once the next is asked for: a notice may come twice, none is skipped.
        async for delivery in agency.follow(NOTICES, keep="acknowledge"):
            notice = delivery.record
            body = {"note": "Received; we will come back to you."}
            done = await agency.acknowledge(notice.case_digest, {"body": body})
            done.receipt.save(agency.home.receipts)
            print(f"{notice.sender}'s notice at {notice.index} acknowledged at {done.index}")
            count -= 1
            if not count:
                return


asyncio.run(acknowledge(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0))
