"""A copy of the workflow with a few of its experiments, in a folder of its own."""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
PARTS = (
    *("Snakefile", "rules", "workflow_scripts", "config", "envs", "profiles", "paper", "requirements.lock"),
    *(".gitignore", "CITATION.cff", "README.md"),
)
EXPERIMENTS = (  # one for each kind of table
    "st_matrix_samples",
    "train_models",
    "visualize_measures",
    "visualize_invariant_feature_maps",
    "class_conditional",
    "max_pooling",
)


@dataclass
class Workflow:
    """A copy of the workflow in a folder of its own."""

    folder: Path
    programs: tuple[Path, ...] = ()  # folders that are searched for programs before this Python's

    @property
    def results(self) -> Path:
        return self.folder / "results" / "tiny"

    def snakemake(
        self, *arguments: str, cores: int = 2, configfile: str = "config/tiny.yaml"
    ) -> subprocess.CompletedProcess[str]:
        """Run Snakemake on the tiny sizes and return what it printed."""
        running = self.start(*arguments, cores=cores, configfile=configfile)
        printed, _ = running.communicate(timeout=1800)
        return subprocess.CompletedProcess(running.args, running.returncode, printed)

    def start(
        self,
        *arguments: str,
        cores: int = 2,
        configfile: str = "config/tiny.yaml",
        printed: IO[str] | int = subprocess.PIPE,
    ) -> subprocess.Popen[str]:
        """Start Snakemake on the tiny sizes, in a process group of its own; `printed` gets what it prints."""
        search = os.pathsep.join(map(str, (*self.programs, Path(sys.executable).parent, os.environ["PATH"])))
        return subprocess.Popen(
            ["snakemake", *arguments, "--cores", str(cores), "--configfile", configfile],
            cwd=self.folder,
            env={**os.environ, "PATH": search},
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def planned(self, *arguments: str) -> dict[str, int]:
        """How many jobs of each rule would run; the manifest follows whatever else does."""
        done = self.snakemake("--dry-run", *arguments)
        assert done.returncode == 0, done.stdout
        listed = done.stdout.partition("Job stats:")[2].partition("total")[0]  # it is printed twice
        counts: Counter[str] = Counter()
        for rule, count in re.findall(r"^(\w+?)(?:_\d+)? +(\d+)$", listed, flags=re.MULTILINE):
            counts[rule] += int(count)
        last = {"write_manifest"} if len({*counts} - {"all"}) > 1 else set()
        return {rule: count for rule, count in counts.items() if rule not in {"all", "figures", *last}}

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace a text that stands in a file of the copy."""
        path = self.folder / file
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {file}"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    def entry(self, experiment: str) -> dict[str, Any]:
        """The entry of an experiment of the copy."""
        entries = yaml.safe_load((self.folder / "config" / "experiments.yaml").read_text(encoding="utf-8"))
        return dict(entries["experiments"][experiment])

    def replace_entry(self, experiment: str, entry: dict[str, Any]) -> None:
        """Give an experiment of the copy another entry."""
        file = self.folder / "config" / "experiments.yaml"
        entries = yaml.safe_load(file.read_text(encoding="utf-8"))
        entries["experiments"][experiment] = entry
        file.write_text(yaml.safe_dump(entries, sort_keys=False, allow_unicode=True), encoding="utf-8")


def copy_workflow(folder: Path, experiments: Collection[str] = EXPERIMENTS) -> Workflow:
    """Copy the workflow and keep a few experiments, and the claims that read no other."""
    for part in PARTS:
        source = ROOT / part
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=ignored)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, folder / part)
    shutil.copy(Path(__file__).with_name("tiny.yaml"), folder / "config" / "tiny.yaml")
    file = folder / "config" / "experiments.yaml"
    entries = yaml.safe_load(file.read_text(encoding="utf-8"))["experiments"]
    kept = {name: entries[name] for name in experiments}
    file.write_text(
        yaml.safe_dump({"experiments": kept}, sort_keys=False, allow_unicode=True), encoding="utf-8"
    )
    file = folder / "config" / "claims.yaml"
    given = yaml.safe_load(file.read_text(encoding="utf-8"))
    given["claims"] = {
        name: claim
        for name, claim in given["claims"].items()
        if all({*test["experiments"]} <= {*experiments} for test in claim["tests"])
    }
    file.write_text(yaml.safe_dump(given, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return Workflow(folder)
