"""Grey levels and the units of images.

An image is in [-1, 1], and its grey levels are in [0, 255]: level = (image + 1) * 127.5.
"""

GREY_LEVELS_PER_UNIT = 127.5
GREY_LEVEL = 2.0 / 255.0  # one grey level, in units of the image
