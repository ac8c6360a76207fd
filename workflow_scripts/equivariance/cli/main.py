"""Entry point of the command line."""

import os
import sys
import warnings
from collections.abc import Sequence
from contextlib import redirect_stdout

from equivariance.cli.arguments import (
    AnyArguments,
    ArchiveArguments,
    ClaimsArguments,
    CompareArguments,
    LayersArguments,
    PlanArguments,
    ReferenceArguments,
    VerifyArguments,
    parse,
)
from equivariance.cli.differences import Differences
from equivariance.errors import UserError

DIFFERENCES, MISTAKE, INTERRUPTED = 1, 2, 130  # exit statuses


def main(given: Sequence[str] | None = None) -> int:
    """Run a command (default: that of the process) and return its exit status.

    An error that users can correct is one line on standard error; errors of a configuration have a line each.
    """
    try:
        arguments = parse(sys.argv[1:] if given is None else given)
        # torch is slow to import, and help and mistakes in names do not need it.
        with redirect_stdout(sys.stderr):  # what a network prints is no result
            results = _results(arguments)
        print(*results, sep="\n", flush=True)
    except Differences as found:
        print(found, flush=True)
        return DIFFERENCES
    except UserError as error:
        mistakes = "\n  - " in str(error)  # those of a configuration: a line each
        print("error:", error if mistakes else " ".join(str(error).split()), file=sys.stderr)
        return MISTAKE
    except BrokenPipeError:  # as `| head` does it: nobody reads on, at the end of Python neither
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        if error.strerror is None:
            raise
        where = f"{error.filename}: " if error.filename else ""
        print(f"error: {where}{error.strerror.lower()}", file=sys.stderr)
        return MISTAKE
    except KeyboardInterrupt as interrupt:
        print(str(interrupt) or "stopped; nothing was saved yet", file=sys.stderr)
        return INTERRUPTED
    return 0


def _results(arguments: AnyArguments) -> Sequence[object]:
    """Run a command, and return what it prints: results of one or more lines."""
    if isinstance(arguments, PlanArguments):
        from equivariance.cli.plan import plan_run

        return [plan_run(arguments)]
    if isinstance(arguments, ClaimsArguments):
        from equivariance.cli.claims import claims_text

        return [claims_text(arguments)]
    if isinstance(arguments, LayersArguments):
        from equivariance.cli.layers import layers_text

        return [layers_text(arguments)]
    if isinstance(arguments, ArchiveArguments):
        from equivariance.cli.archive import archive_run

        return [archive_run(arguments)]
    if isinstance(arguments, VerifyArguments):
        from equivariance.cli.archive import verify_path

        return [verify_path(arguments)]
    if isinstance(arguments, ReferenceArguments):
        from equivariance.cli.reference import collect_reference

        return collect_reference(arguments)
    if isinstance(arguments, CompareArguments):
        from equivariance.cli.reference import compare_run

        return [compare_run(arguments)]
    from equivariance.cli.folder import measure_folder

    warnings.filterwarnings("ignore", module="PIL")  # what is wrong with an image is reported in one line
    return measure_folder(arguments)
