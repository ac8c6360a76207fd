"""A real SLURM cluster of one node, on this machine, in a folder of its own: nothing is installed.

Debian's packages are downloaded and unpacked; munged, slurmctld and slurmd run on free ports, and end with
the tests. Installing `slurm-client` instead would make every start of Snakemake on the machine ask for a
cluster.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

# All that have programs or plugins: where SLURM is installed, apt-get would not name what they need.
PACKAGES = ("slurmctld", "slurmd", "slurm-client", "slurm-wlm-basic-plugins", "munge")
CPUS = 8  # more than there may be: jobs are small
START_SECONDS = 60

CONFIGURATION = """
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
PluginDir={plugins}
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
# Finished jobs are still seen by squeue, whom the workflow asks.
MinJobAge=3600
# The node says what it has; the machine may have less.
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=2,sched_min_interval=100000,bf_interval=2
KillWait=2
# What can never run is refused at once.
EnforcePartLimits=ALL
SlurmctldPort={control_port}
SlurmdPort={node_port}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


class SlurmAbsentError(Exception):
    """SLURM cannot be had on this machine."""


@dataclass(frozen=True)
class ClusterJob:
    """A job of the cluster, as squeue tells it."""

    number: int
    state: str
    """COMPLETED, TIMEOUT, FAILED, ..."""
    comment: str
    """What Snakemake says of it: `rule_<name>_wildcards_<values>`."""
    minutes: str
    memory: str

    @property
    def rule(self) -> str:
        """The rule that it runs."""
        return self.comment.removeprefix("rule_").partition("_wildcards")[0]


@dataclass(frozen=True)
class Cluster:
    """A cluster that runs: what its commands need."""

    programs: Path
    """The folder of its commands."""

    def ask(self, *command: str) -> str:
        """Run a command of SLURM and return what it prints."""
        return subprocess.run(
            [str(self.programs / command[0]), *command[1:]],
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        ).stdout

    def jobs(self) -> list[ClusterJob]:
        """All jobs that were submitted, in their order."""
        lines = self.ask("squeue", "--states=all", "--noheader", "--format=%i|%T|%k|%l|%m").splitlines()
        told = (line.split("|") for line in lines)
        return sorted((ClusterJob(int(number), *rest) for number, *rest in told), key=lambda job: job.number)


def unpacked_slurm(folder: Path) -> Path:
    """Download Debian's SLURM and unpack it into a folder. Raises SlurmAbsentError where that fails."""
    for program in ("apt-get", "dpkg-deb"):
        if not shutil.which(program):
            raise SlurmAbsentError(f"{program} is missing, which brings SLURM")
    downloads = folder / "packages"
    downloads.mkdir(parents=True)
    try:
        needed = _packages()
        _run(["apt-get", "-qq", "download", *needed], downloads)
        for package in sorted(downloads.glob("*.deb")):
            _run(["dpkg-deb", "--extract", str(package), str(folder / "root")], folder)
    except subprocess.SubprocessError as error:
        said = getattr(error, "stderr", "") or ""
        raise SlurmAbsentError(f"SLURM cannot be downloaded: {error} {said}") from error
    return folder / "root"


@contextmanager
def one_node(root: Path, folder: Path) -> Iterator[Cluster]:
    """A cluster of one node, without GPUs, with the programs in `root`; it ends with the context."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("state", "spool"):
        (folder / name).mkdir()
    plugins = next(root.glob("usr/lib/*/slurm-wlm"))
    host = socket.gethostname().partition(".")[0]
    values = {
        "host": host,
        "user": psutil.Process().username(),
        "folder": folder,
        "plugins": plugins,
        "control_port": _free_port(),
        "node_port": _free_port(),
        "cpus": CPUS,
        "memory": psutil.virtual_memory().total // 2**20 * 9 // 10,
    }
    (folder / "slurm.conf").write_text(CONFIGURATION.format(**values), encoding="utf-8")
    (folder / "munge.key").write_bytes(os.urandom(1024))
    (folder / "munge.key").chmod(0o600)
    cluster = Cluster(_programs(root, folder))
    with ExitStack() as running:
        socket_file = f"{folder}/munge.socket"
        munge = ["--socket", socket_file, "--key-file", f"{folder}/munge.key"]
        munge += ["--pid-file", f"{folder}/munge.pid", "--log-file", f"{folder}/munge.log"]
        munge += ["--seed-file", f"{folder}/munge.seed"]
        for name, command in {
            "munged": ["munged", "--foreground", "--force", *munge],
            "slurmctld": ["slurmctld", "-D", "-c"],
            "slurmd": ["slurmd", "-D", "-d", f"{folder}/bin/slurmstepd"],
        }.items():
            running.enter_context(
                _daemon([str(cluster.programs / command[0]), *command[1:]], folder / f"{name}.out")
            )
            if name == "munged":
                _wait_until(lambda: _says(cluster, "munge", "-n", "--socket", socket_file), folder)
        _wait_until(lambda: _says(cluster, "sinfo", "--noheader", "--format=%T") == "idle\n", folder)
        yield cluster


def _programs(root: Path, folder: Path) -> Path:
    """A folder of the programs in `root`, each of which knows its libraries and this cluster.

    The environment does not tell them: Snakemake removes variables of SLURM before it submits a job.
    """
    programs = folder / "bin"
    programs.mkdir()
    libraries = {file.parent for file in root.glob("usr/lib/**/*.so*")}
    for program in [*root.glob("usr/bin/*"), *root.glob("usr/sbin/*")]:
        command = programs / program.name.removesuffix("-wlm")
        command.write_text(
            f"#!/bin/sh\nexport LD_LIBRARY_PATH={':'.join(map(str, sorted(libraries)))}\n"
            f'export SLURM_CONF={folder}/slurm.conf\nexec {program} "$@"\n',
            encoding="utf-8",
        )
        command.chmod(0o755)
    return programs


@contextmanager
def _daemon(command: Sequence[str], log: Path) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _says(cluster: Cluster, *command: str) -> str:
    try:
        return cluster.ask(*command)
    except subprocess.SubprocessError:
        return ""


def _wait_until(ready: Callable[[], bool], folder: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while not ready():
        if time.monotonic() > end:
            said = "\n".join(f"{file.name}:\n{file.read_text()}" for file in sorted(folder.glob("*.*o*")))
            raise TimeoutError(f"SLURM does not start:\n{said}")
        time.sleep(0.1)


def _packages() -> list[str]:
    """Debian's packages of SLURM, and those that they need and the machine lacks."""
    told = _run(["apt-get", "--simulate", "--no-install-recommends", "install", *PACKAGES], Path.cwd())
    listed = [line.split()[1] for line in told.splitlines() if line.startswith("Inst ")]
    return sorted({*listed, *PACKAGES})


def _run(command: Sequence[str], folder: Path) -> str:
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=300).stdout


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
