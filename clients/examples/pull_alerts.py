"""An operator pulls the alerts that came since the last time, and runs a program for each.

    python pull_alerts.py HOME PROGRAM [ARGUMENT ...]

The program finds the alert's title and summary on its standard input. Run it from cron; for a
program that runs as alerts come, see `forewarn inbox follow --exec`.
"""

import subprocess
import sys

from forewarn.statement.v1.alert_pb2 import AlertBody
from forewarn_client import Filter
from forewarn_client.blocking import Operator

ALERTS = Filter(kinds=("Alert",))

home, *program = sys.argv[1:]
with Operator.connect(home) as operator:
    # A page comes again with the next run unless all of it was dealt with.
    for page in operator.pull(ALERTS, keep="alerts"):
        for record in page.records:
            if isinstance(record.body, AlertBody):
                text = f"{record.body.title}\n{record.body.summary}\n"
                subprocess.run(program, input=text, text=True, check=True)
