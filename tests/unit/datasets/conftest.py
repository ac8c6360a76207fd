"""What the tests of data sets share."""

from pathlib import Path

import pytest
from picture_readers import TWIN, CommandLine, Reader, Workflow


@pytest.fixture(params=["command_line", "workflow"])
def reader(request: pytest.FixtureRequest, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Reader:
    if request.param == "command_line":
        return CommandLine(tmp_path / "photos")
    (tmp_path / "photos" / "test" / "cats").mkdir(parents=True)
    TWIN.save(tmp_path / "photos" / "test" / "cats" / "0.png")
    return Workflow(tmp_path / "photos" / "train", caplog=caplog)
