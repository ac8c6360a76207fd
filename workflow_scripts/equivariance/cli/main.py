"""Entry point of the command line."""

import sys
import warnings
from collections.abc import Sequence

from equivariance.cli.arguments import PlanArguments, parse
from equivariance.errors import UserError

MISTAKE, INTERRUPTED = 2, 130  # exit statuses


def main(given: Sequence[str] | None = None) -> int:
    """Run a command (default: that of the process) and give its exit status.

    A mistake that a person can mend is one line on standard error; of a configuration, one line each.
    """
    try:
        arguments = parse(sys.argv[1:] if given is None else given)
        # torch is slow to import, and help and mistakes in names do not need it.
        if isinstance(arguments, PlanArguments):
            from equivariance.cli.plan import plan_run

            print(plan_run(arguments))
            return 0
        from equivariance.cli.folder import measure_folder

        warnings.filterwarnings("ignore", module="PIL")  # what is wrong with an image is told in one line
        for written in measure_folder(arguments):
            print(written)
    except UserError as error:
        mistakes = "\n  - " in str(error)  # those of a configuration: a line each
        print("error:", error if mistakes else " ".join(str(error).split()), file=sys.stderr)
        return MISTAKE
    except KeyboardInterrupt:
        print("stopped; the same command goes on from its last checkpoint", file=sys.stderr)
        return INTERRUPTED
    return 0
