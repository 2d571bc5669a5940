"""Benchmarks: what the phases of a stack's life cost, beside what they cost at least. They measure; no test asserts a time."""
