"""Where to compute."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from equivariance.devices import choose_device, choose_precision
from equivariance.errors import UserError


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.mark.parametrize("name", ["auto", "cpu"])
@pytest.mark.usefixtures("no_gpu")
def test_without_a_gpu_it_is_the_cpu(name: str) -> None:
    assert choose_device(name) == torch.device("cpu")


@pytest.mark.usefixtures("no_gpu")
def test_a_gpu_that_is_not_there_cannot_be_had() -> None:
    with pytest.raises(UserError, match="cuda is not available, torch finds no GPU; use cpu or auto"):
        choose_device("cuda")


def test_a_gpu_that_is_there_can_be_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("cpu") == torch.device("cpu")
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.parametrize("name", ["auto", "cuda"])
def test_a_gpu_is_set_to_give_the_same_bits(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, object] = {}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(
        torch, "use_deterministic_algorithms", lambda on, warn_only: asked.update(on=on, warn_only=warn_only)
    )
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")  # what a person set stays
    assert choose_device(name) == torch.device("cuda")
    assert asked == {"on": True, "warn_only": True}
    assert torch.backends.cudnn.benchmark is False


def test_a_prepared_process_has_its_threads_and_reuses_memory() -> None:
    code = """
import resource, torch
from equivariance.devices import prepare_process

def faults_of_20_tensors():
    for _ in range(3):
        torch.ones(2**21)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        torch.ones(2**21)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

fresh = faults_of_20_tensors()
prepare_process(1)
print(torch.get_num_threads(), fresh, faults_of_20_tensors())
"""
    folder = Path(__file__).resolve().parents[2] / "workflow_scripts"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    threads, fresh, reused = map(int, done.stdout.split())
    assert threads == 1
    assert reused < fresh / 4


@pytest.mark.parametrize(
    ("capabilities", "chosen"),
    [
        ({"avx512_f": True, "avx512_bf16": False, "amx_bf16": False}, torch.float32),
        ({"avx512_f": True, "avx512_bf16": True, "amx_bf16": False}, torch.bfloat16),
        ({"avx512_bf16": False, "amx_bf16": True}, torch.bfloat16),
        ({"neon": True, "bf16": True}, torch.bfloat16),
        ({"neon": True}, torch.float32),
    ],
)
def test_products_are_in_bfloat16_where_the_processor_has_instructions_for_it(
    capabilities: dict[str, bool], chosen: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    cpu = torch.device("cpu")
    assert choose_precision("auto", cpu) == chosen
    assert choose_precision("float32", cpu) == torch.float32
    assert choose_precision("bfloat16", cpu) == torch.bfloat16


@pytest.mark.parametrize(("known", "chosen"), [(True, torch.bfloat16), (False, torch.float32)])
def test_a_gpu_that_would_only_emulate_bfloat16_computes_in_float32(
    known: bool, chosen: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: known)
    assert choose_precision("auto", torch.device("cuda")) == chosen
