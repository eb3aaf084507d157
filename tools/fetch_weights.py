"""Fetches weights by name into the cache: python tools/fetch_weights.py NAME ... | --list."""

import sys

from brgm_tf.weights import fetching

if __name__ == "__main__":
    sys.exit(fetching.main(sys.argv[1:]))
