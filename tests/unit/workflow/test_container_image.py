"""What is said where jobs are to run in an image that is not there."""

from pathlib import Path

import pytest

from equivariance.errors import UserError
from equivariance.workflow.container import check_container


def test_no_image_is_an_error_that_says_how_to_make_one() -> None:
    with pytest.raises(UserError, match=r"apptainer build .* --config container="):
        check_container(None)


def test_an_image_that_is_not_there_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no image \S+here\.sif; build it"):
        check_container(str(tmp_path / "here.sif"))


def test_an_image_that_is_there_or_to_be_pulled_is_none(tmp_path: Path) -> None:
    (tmp_path / "here.sif").touch()
    check_container(str(tmp_path / "here.sif"))
    check_container("docker://host/image")
