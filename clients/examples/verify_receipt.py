"""Verify a saved receipt, with no connection, against the pins of a member's folder.

python verify_receipt.py HOME RECEIPT
"""

import sys
from pathlib import Path

from forewarn_client import Home, VerificationError, verify_receipt

try:
    verified = verify_receipt(Path(sys.argv[2]), Home.load(sys.argv[1]))
except VerificationError as error:
    sys.exit(f"does not hold: {error}")
record = verified.record
print(f"{record.kind} by {record.sender}, index {record.index}, {record.received_time:%Y-%m-%d}")
