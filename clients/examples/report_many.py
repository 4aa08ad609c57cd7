"""Breach reports from another system, one JSON document a line on standard input, over one stream.

    export-reports | python report_many.py HOME

`forewarn submit --many -` does the same, and can be broken off and run again.
"""

import json
import sys
from collections.abc import Iterator

from forewarn_client import Draft, Submitted
from forewarn_client.blocking import Operator

with Operator.connect(sys.argv[1]) as operator:

    def drafts() -> Iterator[Draft]:
        """Make statements of the lines, as they are needed."""
        for line in sys.stdin:
            yield operator.draft("BreachReport", json.loads(line))

    for handed in operator.submit_many(drafts()):
        if isinstance(handed.outcome, Submitted):
            handed.outcome.receipt.save(operator.home.receipts)
            print(f"line {handed.position + 1}: recorded at {handed.outcome.index}")
        else:
            print(f"line {handed.position + 1}: {handed.outcome}")
