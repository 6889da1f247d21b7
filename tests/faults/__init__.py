"""Faults on purpose: real processes, one oracle, and the proof that the oracle can fail (docs/faults.md)."""
