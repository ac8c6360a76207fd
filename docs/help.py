"""Put the help of the command line into pages: `<!-- help: measure -->` stands for that of `measure`."""

import os
import re
import sys
from contextlib import redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow_scripts"))
from equivariance.cli.options import parser

WIDTH = "96"  # columns; a page has no room for more


def on_page_markdown(markdown: str, **context: Any) -> str:
    """Called by MkDocs for each page."""
    return re.sub(r"<!-- help: (\w+) -->", lambda found: f"```text\n{help_of(found[1])}```", markdown)


def help_of(command: str) -> str:
    """Give what `python -m equivariance COMMAND --help` prints."""
    os.environ["COLUMNS"] = WIDTH
    printed = StringIO()
    with redirect_stdout(printed), suppress(SystemExit):
        parser().parse_args([command, "--help"])
    return printed.getvalue()
