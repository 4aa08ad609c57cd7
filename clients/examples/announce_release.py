"""A lab announces a release to agencies, each by a statement of its own, and keeps the receipts.

python announce_release.py HOME notice.toml civil-ai natsec-ai
"""

import asyncio
import sys
from pathlib import Path

from forewarn_client import Lab, read_document


async def announce(home: str, document: str, agencies: list[str]) -> None:
    """Announce, and print what each lead-time profile says of the plan."""
    async with Lab.connect(home) as lab:
        # Drafted once: handing a draft in again, after whatever went wrong, is safe.
        for draft in lab.draft_notices(read_document(Path(document)), agencies):
            done = await lab.submit(draft)
            receipt = done.receipt.save(lab.home.receipts)
            print(f"recorded at {done.index}, receipt {receipt.name}")
            for lead in done.lead_times:
                print(f"  {lead.profile}: {lead.lead_days} days before {lead.anchor}")


asyncio.run(announce(sys.argv[1], sys.argv[2], sys.argv[3:]))
