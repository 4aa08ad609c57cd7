"""Looks after what the gateway keeps: proves it whole, names damage, repairs, copies, restores."""
