"""Composition: the only place that builds adapters, wires the parts and runs them."""
