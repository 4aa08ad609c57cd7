"""Looks after what the gateway keeps: proves it whole, names damage, makes anew what can be proven.

* `check` and what it looks at: `keepers`, `replay`, `streams`, `statements`; `findings` has names.
* `assembly`, `rebuild`: a store made anew from what both engines still hold.

What takes the place of what, and when, is decided in `gateway.compose`.
"""
