"""Training of the generators; nothing in the reconstruction path imports it."""
