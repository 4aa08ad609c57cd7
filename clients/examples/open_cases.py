"""Who has answered what: a member's cases and their states, without asyncio.

python open_cases.py HOME
"""

import sys

from forewarn_client.blocking import Member

with Member.connect(sys.argv[1]) as member:
    for summary in member.cases():
        case = member.case(summary.digest)
        print(f"{case.digest.hex()[:12]}  {summary.protocol}  {case.state}")
        for record in case.records:
            print(f"  {record.index}  {record.sender}  {record.kind}")
