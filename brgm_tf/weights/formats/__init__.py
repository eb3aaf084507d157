"""Readers of other people's checkpoints: data comes out, and nothing of theirs runs."""
