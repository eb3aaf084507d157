"""Configuration of the documentation site, which `make docs` builds in build/site.

The source folder of Sphinx is the repository, so that links between README.md, docs/, notebooks/
and checkpoints/ lead to the same files on the site and on a code host.
"""

import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

import api_pages

from brgm_tf.cli import process

process.import_quietly("tensorflow")

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
project = PROJECT["name"]
release = version = PROJECT["version"]
author = PROJECT["authors"][0]["name"]
project_copyright = f"2026, {author}. Apache-2.0"
language = "en_GB"

extensions = [
    "sphinx.ext.autodoc",
    "docstrings",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "myst_nb",
    "executed",
    "mathml",
]
root_doc = "docs/index"
include_patterns = [
    "docs/**",
    "notebooks/*.ipynb",
    "checkpoints/*/README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "README.md",
    "SECURITY.md",
]
exclude_patterns = [
    *(".venv*", ".git", "build", "brgm_tf", "tests", "tools", "results"),
    "docs/README.md",
    "docs/_site",
]
default_role = "code"
highlight_language = "none"
suppress_warnings = ["misc.highlighting_failure"]

# Markdown and notebooks.
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # `make notebooks` executes them; the site shows their last outputs
nb_output_stderr = "remove"

# Docstrings.
api_pages.write(ROOT / "docs" / "api")
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
napoleon_custom_sections = [("Reference", "notes_style"), ("Example", "example")]
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True

# Pages.
html_theme = "furo"
html_title = f"brgm_tf {version}"
html_math_renderer = "mathml"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_extra_path = ["redirect"]
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {"navigation_with_keys": True}
