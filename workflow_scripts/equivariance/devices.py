"""Where to compute."""

import ctypes
import logging
import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Literal

import psutil
import torch

from equivariance.errors import UserError

log = logging.getLogger(__name__)

Precision = Literal["float32", "bfloat16", "auto"]

BFLOAT16 = ("amx_bf16", "avx512_bf16", "bf16")
"""What processors call their instructions for products in bfloat16; the last is ARM's. AVX-512 without AMX is
enough: with it, a training step takes 0.6 to 0.8 times as long as in float32."""

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3  # of malloc.h


def choose_device(name: str) -> torch.device:
    """The device of a name: auto (a GPU if there is one), cpu or cuda.

    A GPU is set to give the same bits each time. Raises UserError for `cuda` where there is none.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("device: cuda is not available, torch finds no GPU; use cpu or auto")
    chosen = torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")
    if chosen.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # asked for by deterministic cuBLAS
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.backends.cudnn.benchmark = False
    return chosen


def choose_precision(name: Precision, device: torch.device) -> torch.dtype:
    """The type that products are computed in: `auto` is bfloat16 where the device has instructions for it.

    Elsewhere bfloat16 is slower than float32.
    """
    if name != "auto":
        return torch.bfloat16 if name == "bfloat16" else torch.float32
    if device.type == "cuda":
        known = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        capabilities = torch.cpu.get_capabilities()
        known = any(capabilities.get(instructions, False) for instructions in BFLOAT16)
    return torch.bfloat16 if known else torch.float32


def in_precision(precision: torch.dtype, device: torch.device) -> AbstractContextManager[Any]:
    """Compute products in bfloat16 or float32, by autocast: weights and sums stay float32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == torch.bfloat16)


def prepare_process(threads: int) -> None:
    """Set the CPU threads of torch, and have glibc keep the memory that is freed instead of returning it.

    Activations are freed and asked for again at every step; without this, clearing fresh pages takes 5 to 20
    per cent of a training step on a CPU. Other C libraries are left as they are.
    """
    torch.set_num_threads(threads)
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        for option, size in (
            (M_MMAP_THRESHOLD, 32 << 20),
            (M_TRIM_THRESHOLD, 2**31 - 1),
            (M_TOP_PAD, 64 << 20),
        ):
            libc.mallopt(option, size)


def free_memory(device: torch.device) -> int:
    """The bytes that are free on a device; on a CPU also by the limits of this process."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    free = [int(psutil.virtual_memory().available)]
    process = psutil.Process()
    if hasattr(process, "rlimit"):
        limit, _ = process.rlimit(psutil.RLIMIT_AS)
        if limit != psutil.RLIM_INFINITY:
            free.append(int(limit) - process.memory_info().vms)
    return max(min(free), 0)


@contextmanager
def explain_full_gpu(remedy: str) -> Iterator[None]:
    """Raise UserError, with what to do, where the memory of the GPU is full; pass other errors on."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        asked = re.search(r"tried to allocate ([\d.]+ \w+)", str(error), re.IGNORECASE)
        size = f" ({asked.group(1)} more needed)" if asked else ""
        raise UserError(f"the memory of the GPU is full{size}: {remedy}") from error


def half(size: int, what: str, error: torch.OutOfMemoryError) -> int:
    """Half of a number of images that did not fit into the memory of the GPU together; the log says so.

    Raises the error again where it is one image.
    """
    if size == 1:
        raise error
    log.warning("the memory of the GPU is full: %s takes %d images at a time, not %d", what, size // 2, size)
    return size // 2
