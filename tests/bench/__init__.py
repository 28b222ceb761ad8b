"""Benchmarks: run by hand (`make bench`), never by the tests, and never failing on a time."""
