"""What the machine can compute on, detected and never assumed."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from tasks.errors import DeviceError

if TYPE_CHECKING:
    import torch

Precision = Literal["bf16", "fp32"]
Bf16Unit = Literal["amx", "avx512_bf16", "arm_bf16", "none"]

CPU_FLAGS: Final = Path("/proc/cpuinfo")


def pick_device(wanted: str) -> torch.device:
    """Return the device asked for; `auto` is CUDA, else MPS, else the CPU.

    Raises:
        DeviceError: The device asked for is not on this machine.
    """
    import torch

    if wanted == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    kind = wanted.partition(":")[0]
    is_there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not is_there.get(kind, False):
        found = [name for name, available in is_there.items() if available]
        raise DeviceError(device=wanted, found=found, fix="Set `device: auto`, or one of those found.")
    return torch.device(wanted)


def pick_precision(wanted: Literal["auto", "bf16", "fp32"], device: torch.device) -> Precision:
    """Return the precision asked for; `auto` is bf16 where the device computes in it, else fp32."""
    if wanted != "auto":
        return wanted
    return "bf16" if has_bf16(device) else "fp32"


def has_bf16(device: torch.device) -> bool:
    """Return whether the device multiplies bf16 matrices in hardware."""
    import torch

    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and bf16_unit() != "none"


def bf16_unit(flags: str | None = None) -> Bf16Unit:
    """Return what part of the processor multiplies bf16, the fastest it has.

    Args:
        flags: The processor's flags; read from the running machine if not given.
    """
    words = set((_cpu_flags() if flags is None else flags).split())
    if "amx_bf16" in words:
        return "amx"
    if "avx512_bf16" in words:
        return "avx512_bf16"
    return "arm_bf16" if platform.machine() in {"aarch64", "arm64"} and "bf16" in words else "none"


def _cpu_flags() -> str:
    try:
        lines = CPU_FLAGS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")
