from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tasks.errors import DeviceError
from tasks.retrieval import hardware
from tasks.retrieval.hardware import bf16_unit, has_bf16, pick_device, pick_precision

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("flags", "unit"),
    [
        ("flags : avx2 avx512f avx512_bf16 amx_bf16 amx_tile", "amx"),
        ("flags : avx2 avx512f avx512_bf16", "avx512_bf16"),
        ("flags : avx2 avx512f avx512_vnni", "none"),
        ("", "none"),
    ],
)
def test_the_fastest_bf16_unit_among_a_processors_flags_is_named(flags: str, unit: str) -> None:
    assert bf16_unit(flags) == unit


def test_arm_has_its_own_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")

    assert bf16_unit("Features : fp asimd bf16") == "arm_bf16"


def test_flags_come_from_the_running_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    flags = tmp_path / "cpuinfo"
    monkeypatch.setattr(hardware, "CPU_FLAGS", flags)
    assert bf16_unit() == "none"

    flags.write_text("processor : 0\nflags : fpu amx_bf16\n", encoding="utf-8")
    assert bf16_unit() == "amx"


def test_precision_follows_the_hardware_unless_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "bf16_unit", lambda: "none")
    assert pick_precision("auto", CPU) == "fp32"
    assert pick_precision("bf16", CPU) == "bf16"

    monkeypatch.setattr(hardware, "bf16_unit", lambda: "avx512_bf16")
    assert pick_precision("auto", CPU) == "bf16"
    assert pick_precision("fp32", CPU) == "fp32"


def test_metal_computes_in_fp32() -> None:
    assert not has_bf16(torch.device("mps"))


def test_a_gpu_is_asked_whether_it_has_bf16_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    def is_bf16_supported(*, including_emulation: bool) -> bool:
        asked.append(including_emulation)
        return True

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", is_bf16_supported)

    assert has_bf16(torch.device("cuda"))
    assert asked == [False]


def test_auto_prefers_cuda_then_metal_then_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert pick_device("auto") == torch.device("cuda")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert pick_device("auto") == torch.device("mps")

    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert pick_device("auto") == CPU


def test_a_device_that_is_not_there_is_never_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)

    with pytest.raises(DeviceError, match="no device “cuda:1” here; found were “cpu”"):
        pick_device("cuda:1")
    assert pick_device("cpu") == CPU
