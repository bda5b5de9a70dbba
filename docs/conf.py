"""The documentation site, by Sphinx with MyST and Furo; `docs/build.sh` makes it.

The source folder is the repository, so that a link of a page leads to the same place here and on a code host.
"""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

project = "Lapwing"
author = "the Lapwing authors"
copyright = "the Lapwing authors, MIT or Apache-2.0"
version = release = re.search(r'^version = "(.*)"', (ROOT / "Cargo.toml").read_text(), re.M)[1]

extensions = ["myst_parser", "autoapi.extension", "sphinx.ext.napoleon"]
root_doc = "docs/index"
include_patterns = ["docs/**", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"]
exclude_patterns = ["target", "crates", "python", "docs/_templates", "**/.*"]
nitpicky = True
# Types in docstrings are words ("array_like, shape (n, 2)"), not names that lead anywhere.
nitpick_ignore_regex = [("py:.*", ".*")]

# Pages are plain markdown: headings are anchors as on a code host, HTML pictures are pictures.
myst_heading_anchors = 4
myst_enable_extensions = ["html_image"]
# A file that is no page, such as the notebook, is handed out as it is.
suppress_warnings = ["myst.xref_missing.download"]

# The package is read, not imported: nothing is compiled for the site.
autoapi_dirs = [str(ROOT / "python" / "lapwing")]
autoapi_file_patterns = ["*.pyi", "*.py"]
autoapi_root = "docs/api"
autoapi_add_toctree_entry = False
autoapi_keep_files = False
autoapi_python_class_content = "class"
# Options keep their two hyphens.
smartquotes = False
autoapi_member_order = "groupwise"
autoapi_options = ["members", "imported-members", "show-signature", "undoc-members"]
napoleon_use_ivar = True

html_theme = "furo"
html_title = "Lapwing"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
# The home page stands in `docs`; whoever opens the folder is sent there.
templates_path = ["_templates"]
html_additional_pages = {"index": "home.html"}


def plain_bars(app, what, name, obj, options, lines):
    """A modulus in a docstring, |t - 1|, is no substitution."""
    lines[:] = [line.replace("|", r"\|") for line in lines]


def setup(app):
    app.connect("autodoc-process-docstring", plain_bars, priority=100)
