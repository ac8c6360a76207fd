"""The command line: `python -m equivariance`."""

import sys

from equivariance.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
