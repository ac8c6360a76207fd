"""A finished run as one file, and whether results are what they were."""

from pathlib import Path

from equivariance.cli.arguments import ArchiveArguments, VerifyArguments
from equivariance.cli.differences import Differences
from equivariance.errors import UserError
from equivariance.workflow.archive import write_archive
from equivariance.workflow.verification import verify


def check_project() -> None:
    """Raise UserError where the working directory is not the folder of the project."""
    for file in (Path("Snakefile"), Path("config/config.yaml"), Path("CITATION.cff")):
        if not file.is_file():
            raise UserError(f"{file} not found; run this command beside the Snakefile")


def archive_run(arguments: ArchiveArguments) -> str:
    """Write the archive of a run, and say where it is and how large. Raises UserError as `write_archive`."""
    check_project()
    output = arguments.output or Path("results") / f"{arguments.run}.zip"
    count = write_archive(arguments.run, output, arguments.weights)
    return f"{output}: {count:,} files, {output.stat().st_size / 1e6:.1f} MB"


def verify_path(arguments: VerifyArguments) -> str:
    """Say how many files are what they were. Raises Differences where some are not, and UserError as
    `verify` does."""
    found = verify(arguments.path)
    if not found.intact:
        raise Differences(str(found))
    return str(found)
