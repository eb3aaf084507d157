"""Simulation-based calibration, the library of tools/calibrate.py."""
