"""The `forewarn` command: what members and the registrar type.

Exit codes:

* 0: done.
* 1: something here is not right: a document, a file, the member's folder. Nothing was sent.
* 2: the command was typed wrongly. Nothing was sent.
* 3: the exchange refused; the reason is stable. Nothing was recorded.
* 4: no answer that decides. Trying again is safe: the same statement gets the same index.
* 5: what was received does not verify. Nothing of it was shown.
* 130: interrupted.
"""

from forewarn_client.cli.root import main, root

__all__ = ["main", "root"]
