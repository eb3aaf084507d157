"""Bayesian image restoration with a generative model as the prior."""

__version__ = "0.1.0"
