"""Benchmarks: what runs of a stack cost. They measure; no test asserts a time."""
