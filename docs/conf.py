"""The documentation site, by Sphinx with MyST and Furo; `docs/build.sh` makes it.

The source folder is the repository, so that a link of a page leads to the same place here and on a code host.
"""

import re
from pathlib import Path
from xml.etree import ElementTree

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.errors import ExtensionError

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
# Formulas are those of code hosts: $...$ in a line, blocks of the language `math`.
myst_enable_extensions = ["dollarmath", "html_image"]
myst_dmath_allow_space = False
myst_dmath_allow_digits = False
myst_fence_as_directive = ["math"]
html_math_renderer = "mathml"
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

# What cargo doc has made, of which `docs/build.sh` puts a copy into the site.
rust_is_there = (ROOT / "target" / "doc" / "lapwing_model").is_dir()

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


def mathml(node, display):
    """A formula as MathML, which browsers show without a script and without the network."""
    formula = node.astext()
    try:
        markup = convert(formula, display=display)
        found = ElementTree.fromstring(markup)
        # What the converter does not know it leaves as it stands.
        if left := [text for text in found.itertext() if "\\" in text or "&" in text]:
            raise ValueError(f"not understood: {left}")
    except Exception as error:
        raise ExtensionError(f"{node.source}:{node.line}: formula {formula!r}: {error}") from error
    return markup


def rust_links(app, page, source):
    """Names of the crates in the table lead to what cargo doc made, where the site has it."""
    if page == "docs/rust-api" and app.config.rust_is_there:
        there = r'| <a href="../rust/\1_\2/index.html"><code>\1-\2</code></a> |'
        source[0] = re.sub(r"^\| `(lapwing)-(\w+)` \|", there, source[0], flags=re.M)
        source[0] = re.sub(r"^\| `lapwing` \|", '| <a href="../rust/lapwing_cli/index.html"><code>lapwing</code></a> |',
                           source[0], flags=re.M)


def visit_math(self, node):
    self.body.append(mathml(node, "inline"))
    raise nodes.SkipNode


def visit_math_block(self, node):
    self.body.append(f'<div class="math">{mathml(node, "block")}</div>\n')
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))
    app.connect("autodoc-process-docstring", plain_bars, priority=100)
    app.add_config_value("rust_is_there", False, "env")
    app.connect("source-read", rust_links)
