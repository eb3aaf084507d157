"""Measurement of speed, the library of tools/benchmark.py."""
