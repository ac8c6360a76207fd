"""Dockerfile and container.def: the same steps, which make what the workflow runs in from the lock.

Their steps are run here with other paths, without the packages of Debian: no image is built.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

pytestmark = pytest.mark.xdist_group("image")  # one worker runs the steps, once

ROOT = Path(__file__).parents[2]
DOCKERFILE = re.sub(r" *\\\n *", " ", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
DEFINITION = re.sub(r" *\\\n *", " ", (ROOT / "container.def").read_text(encoding="utf-8"))
# What the workflow does not need: tests, documentation, models of another library.
OF_OTHER_EXTRAS = ("pytest", "mypy", "ruff", "mkdocs", "timm", "uv", "py_rattler")


def instructions(name: str) -> list[str]:
    """What follows an instruction of the Dockerfile, wherever it stands."""
    return re.findall(rf"^{name} (.*)$", DOCKERFILE, flags=re.MULTILINE)


def section(name: str) -> list[str]:
    """The lines of a section of container.def."""
    found = re.search(rf"^%{name}\n((?: .*\n|\n)*)", DEFINITION, flags=re.MULTILINE)
    assert found
    return [line.strip() for line in found.group(1).splitlines() if line.strip()]


def steps() -> list[str]:
    """The commands of the Dockerfile, in their order."""
    return [step for line in instructions("RUN") for step in line.split(" && ")]


def variables(text: str) -> dict[str, str]:
    return dict(one.split("=", 1) for one in text.split())


def test_both_start_from_the_same_image_and_take_the_same_files() -> None:
    assert instructions("FROM") == re.findall(r"^From: (.*)$", DEFINITION, flags=re.MULTILINE)
    copied = [f"{file} {line.split()[-1]}" for line in instructions("COPY") for file in line.split()[:-1]]
    assert copied == section("files")


def test_no_step_is_in_a_folder_that_is_not_of_the_image() -> None:
    """Apptainer mounts /tmp and a home, where removing is harm, and has a link /environment of its own."""
    named = {path for line in [*steps(), *section("files")] for path in re.findall(r"(?<![\w.])/\w+", line)}
    assert named == {"/build", "/var", "/venv"}


def test_both_have_the_same_steps_and_variables() -> None:
    assert [*steps(), f"mkdir --parents {instructions('WORKDIR')[0]}"] == section("post")
    [environment] = section("environment")
    of_docker = variables(instructions("ENV")[0])
    # Apptainer gives each user a home and a name; Docker gives neither to --user.
    assert variables(environment.removeprefix("export ")) | {"HOME": "/tmp", "USER": "user"} == of_docker


def test_image_is_not_for_root_and_takes_any_command() -> None:
    assert instructions("USER") == ["1000:1000"]
    assert not instructions("ENTRYPOINT")
    assert json.loads(instructions("CMD")[0])[0] == "snakemake"


def test_nothing_is_sent_to_docker_but_what_the_image_takes() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    lines = [line for line in ignored if not line.startswith("#")]
    taken = sorted(file for line in instructions("COPY") for file in line.split()[:-1])
    assert lines[0] == "*" and sorted(line.removeprefix("!") for line in lines[1:]) == taken


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which the steps were run as if it were the root of an image."""
    folder = tmp_path_factory.mktemp("image")
    (folder / "build").mkdir()
    for file in (file for line in instructions("COPY") for file in line.split()[:-1]):
        (folder / "build" / file).write_bytes((ROOT / file).read_bytes())
    of_debian = re.compile(r"apt-get |rm -rf /var/lib/apt/lists/")
    for step in steps():
        if of_debian.match(step):
            continue
        # Every path is one of the folder, so that nothing is changed elsewhere.
        mapped = re.sub(r"(?<![\w./])/(?=\w)", f"{folder}/", step)
        mapped = mapped.replace("python3 -m venv", f"{sys.executable} -m venv")
        # uv keeps its cache, and nothing is compiled: that saves gigabytes and minutes.
        mapped = mapped.replace(" --no-cache --compile-bytecode ", " ")
        done = subprocess.run(["sh", "-ec", mapped], capture_output=True, text=True, cwd="/")
        assert done.returncode == 0, f"{mapped}\n{done.stderr}"
    yield folder
    shutil.rmtree(folder)  # gigabytes, where they are no links to uv's cache


def run(image: Path, *command: str) -> str:
    """Run a command with the variables of the image and no others, in the repository; return what it says."""
    given = variables(instructions("ENV")[0])
    programs = os.pathsep.join([str(image / "venv" / "bin"), "/usr/bin", "/bin"])
    [workdir] = instructions("WORKDIR")
    given |= {"PATH": programs, "PYTHONPATH": given["PYTHONPATH"].replace(workdir, str(ROOT), 1)}
    given |= {"HOME": str(image)}
    found = str(image / "venv" / "bin" / command[0])
    done = subprocess.run([found, *command[1:]], capture_output=True, text=True, cwd=ROOT, env=given)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_steps_install_what_the_lock_says_and_only_what_the_workflow_needs(image: Path) -> None:
    listing = "import importlib.metadata as m; print(*(f'{d.name}=={d.version}' for d in m.distributions()))"
    installed = dict(one.split("==") for one in run(image, "python", "-c", listing).split())
    installed.pop("equivariance", None)  # of the checkout, which may be installed in another environment
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    locked = {line.split(" ;")[0] for line in lines}
    assert not {f"{canonicalize_name(name)}=={version}" for name, version in installed.items()} - locked
    assert {"snakemake", "torch", "statsmodels"} <= set(installed)
    assert not set(installed) & set(OF_OTHER_EXTRAS)
    assert [path.name for path in image.iterdir()] == ["venv"], "the steps leave nothing else behind"


def test_workflow_and_command_line_run_in_what_the_steps_made(image: Path, tmp_path: Path) -> None:
    assert "snakemake==" + run(image, "snakemake", "--version").strip() in (
        ROOT / "requirements.lock"
    ).read_text(encoding="utf-8")
    assert "usage: python -m equivariance" in run(image, "python", "-m", "equivariance", "--help")
    elsewhere = ["--snakefile", str(ROOT / "Snakefile"), "--directory", str(tmp_path), "--cores", "1"]
    small = ["--configfile", str(ROOT / "config" / "quick.yaml"), "--config", "only=[max_pooling]"]
    planned = run(image, "snakemake", *elsewhere, "--dry-run", "--quiet", "rules", *small)
    assert "build_paper" in planned
