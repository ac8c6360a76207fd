"""A data set whose download goes wrong, in the workflow itself: what is said, and that the command can be
repeated."""

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

from PIL import Image
from web import hang_up, send, serving

ROOT = Path(__file__).parents[2]
TARGET = "results/data/photos.npz"
SETTINGS = """
run: small
only: [dataset_transformation_plots]
mirror: {url}
datasets:
  photos: {{title: Photos, source: folder, path: photos.zip}}
"""


def photos() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for part in ("train", "test"):
            for gray, name in ((0, "black"), (255, "white")):
                picture = io.BytesIO()
                Image.new("RGB", (8, 8), (gray, gray, gray)).save(picture, "PNG")
                file.writestr(f"{part}/{name}/0.png", picture.getvalue())
    return content.getvalue()


def prepare(folder: Path) -> subprocess.CompletedProcess[str]:
    command = ["snakemake", TARGET, "--cores", "1", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--directory", str(folder), "--configfile", str(ROOT / "config/quick.yaml"), "mine.yaml"]
    search = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": search, "no_proxy": "127.0.0.1"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )


def test_a_failed_download_is_said_and_the_same_command_finishes_later(
    tmp_path: Path,
) -> None:
    with serving() as web:
        (tmp_path / "mine.yaml").write_text(SETTINGS.format(url=web.url))
        url = web.set("/photos.zip", hang_up(photos()[:100]))
        failed = prepare(tmp_path)
        assert failed.returncode == 1
        tried = f"{url}: the transfer ended too early"
        said = f"error: data set 'photos': photos.zip could not be downloaded. Tried:\n  {tried}"
        assert said in failed.stderr
        assert "Traceback" not in failed.stderr
        assert not [*(tmp_path / "results").rglob("*photos*")]
        web.set("/photos.zip", send(photos()))
        finished = prepare(tmp_path)
        assert finished.returncode == 0, finished.stderr
        assert (tmp_path / TARGET).is_file()
