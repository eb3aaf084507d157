"""Comparison of restoration methods, the library of tools/evaluate.py."""
