"""The paper is tested with the tables that the figures are tested with."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "figures"))
