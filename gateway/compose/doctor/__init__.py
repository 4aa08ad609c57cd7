"""The doctor: looks at a gateway, running or stopped, and says what is not as it should be.

* A check is a function: it is given a `Patient` and yields findings. `examination` lists them.
* Nothing is written, nothing outside this machine is asked, and a running gateway notices nothing.
* Every finding has a level, says what is, and, unless all is well, what to do about it.
* A check that fails is a finding: what could not be looked at is not well.

It mends nothing.
"""
