"""How Sphinx builds the site: strictly, without the network, and with what docs/_ext adds."""

import doctest
import os
import sys
import warnings
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "_ext")]
os.environ["PYTHONPATH"] = str(HERE.parent)  # for the kernel that executes pages
os.environ["KERAS_BACKEND"] = "torch"  # which is there for the other pages

import catalogue_pages  # noqa: E402  found by the lines above

import metricloss  # noqa: E402

project = "metricloss"
author = "the authors of metricloss"
copyright = "the authors of metricloss; Apache-2.0"
version = release = metricloss.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.doctest",
    "sphinx_copybutton",
    "docstrings",
    "public_names",
    "command_line",
    "emitted_functions",
    "catalogue_pages",
    "offline",
]
exclude_patterns = ["_build", "_ext", "**.ipynb_checkpoints"]
templates_path: list[str] = []
nitpicky = True
show_warning_types = True

myst_enable_extensions = ["attrs_block", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "cache"
# Of another compiler other outputs: pages are read and run again when it changes.
nb_execution_cache_path = str(HERE / "_build" / "executed" / catalogue_pages.checksum())
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_merge_streams = True

autodoc_typehints = "none"  # docstrings say it in words; SymPy's and NumPy's types have no page here
autodoc_member_order = "bysource"
doctest_test_doctest_blocks = ""  # docstrings are run by pytest; here only what pages mark as doctest
doctest_default_flags = doctest.ELLIPSIS | doctest.DONT_ACCEPT_TRUE_FOR_1  # and what an error says counts
smartquotes = False  # "minimize" and 'skip' are typed as they stand
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

html_theme = "furo"
html_title = f"metricloss {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
pygments_style = "friendly"
pygments_dark_style = "github-dark"

warnings.filterwarnings("ignore", category=metricloss.MetricLossWarning)  # pages show them where they matter
