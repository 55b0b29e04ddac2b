"""Benchmarks, each run with one command; they print figures and assert nothing about time."""
