"""The page: `python -m brgm_tf.app` restores images in a browser, without flags.

The page drives the objects of the command: `pipeline.prepare`, `pipeline.Restorer` and the writers
of `reporting`. Gradio (`brgm_tf[app]`) is imported by the modules that draw.
"""
