"""Readers of foreign checkpoints: they return data, and no code of a checkpoint runs."""
