"""The command line: `python -m equivariance`."""

import sys
from io import TextIOWrapper

from equivariance.cli.main import main

if __name__ == "__main__":
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")  # of paths that cannot be shown
    sys.exit(main())
