"""Bayesian image restoration with a generative model as the prior."""

import importlib

__version__ = "0.1.0"
# Imported when first used, so that `import brgm_tf` costs nothing.
_HOMES = {
    "restore": "brgm_tf.restoration",
    "Restoration": "brgm_tf.restoration",
    "Config": "brgm_tf.config",
    "load_generator": "brgm_tf.hub",
    "InputError": "brgm_tf.errors",
}
__all__ = ["__version__", *_HOMES]


def __getattr__(name: str):
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'brgm_tf' has no attribute '{name}'")


def __dir__():
    return sorted(__all__)
