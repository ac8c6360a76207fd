"""Put into pages what is said elsewhere: `<!-- help: measure -->` stands for the help of that command, and
`<!-- claims -->` for a list of the claims of the thesis.
"""

import os
import re
import sys
from contextlib import redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow_scripts"))
from equivariance.cli.options import parser

WIDTH = "96"  # columns; a page has no room for more


def on_page_markdown(markdown: str, **context: Any) -> str:
    """Called by MkDocs for each page."""
    markdown = re.sub(r"<!-- help: (\w+) -->", lambda found: f"```text\n{help_of(found[1])}```", markdown)
    return re.sub("<!-- claims -->", lambda found: claims(), markdown)


def claims() -> str:
    """List the claims of the thesis, with their sources and notes, as a table."""
    entries = yaml.safe_load(
        (Path(__file__).parents[1] / "config" / "claims.yaml").read_text(encoding="utf-8")
    )["claims"]
    rows = [
        f"| {name} | {one['statement']} {one.get('note', '')} | {one['source']} |"
        for name, one in entries.items()
    ]
    return "\n".join(
        ["| claim | statement, and what its tests do otherwise | source |", "|---|---|---|", *rows]
    )


def help_of(command: str) -> str:
    """Give what `python -m equivariance COMMAND --help` prints."""
    os.environ["COLUMNS"] = WIDTH
    printed = StringIO()
    with redirect_stdout(printed), suppress(SystemExit):
        parser().parse_args([command, "--help"])
    return printed.getvalue()
