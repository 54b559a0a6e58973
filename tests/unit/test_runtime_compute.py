"""What is decided about this machine, and what is refused."""

from __future__ import annotations

import pytest
import torch

from textwright.core.errors import ConfigError, DeviceError
from textwright.runtime import compute
from textwright.runtime.compute import decide
from textwright.runtime.cpu import usable_cpus
from textwright.runtime.settings import ComputeSettings


def test_every_auto_is_resolved_and_explained() -> None:
    found = decide(ComputeSettings(), threads=1, casts=False)
    assert (found.precision, found.threads) == ("fp32", 1)
    assert set(found.reasons) == {
        "compute.device",
        "compute.precision",
        "compute.threads",
        "compute.compile",
    }


@pytest.mark.skipif(torch.cuda.is_available(), reason="asks for what is not there")
def test_a_device_that_is_not_there() -> None:
    with pytest.raises(DeviceError, match="cuda") as caught:
        decide(ComputeSettings(device="cuda"), threads=1, casts=True)
    assert "compute.device" in caught.value.hint


@pytest.mark.parametrize(("gain", "precision"), [(2.2, "bf16"), (1.5, "bf16"), (1.4, "fp32"), (0.1, "fp32")])
def test_bf16_only_where_it_pays(gain: float, precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compute, "bf16_gain", lambda: gain)
    found = decide(ComputeSettings(device="cpu"), threads=1, casts=True)
    assert found.precision == precision
    assert f"{gain:.1f}" in found.reasons["compute.precision"]
    assert decide(ComputeSettings(device="cpu"), threads=1, casts=False).precision == "fp32"
    asked = ComputeSettings(device="cpu", precision="fp32")
    assert decide(asked, threads=1, casts=True).precision == "fp32"


def test_the_probe_is_short_and_leaves_the_threads() -> None:
    before = torch.get_num_threads()
    compute.bf16_gain.cache_clear()
    assert 0.01 < compute.bf16_gain() < 100
    assert torch.get_num_threads() == before


def test_never_more_threads_than_the_process_may_use() -> None:
    asked = ComputeSettings(threads=usable_cpus() + 7)
    found = decide(asked, threads=1, casts=False)
    assert found.threads == usable_cpus()
    assert str(usable_cpus() + 7) in found.reasons["compute.threads"]


@pytest.mark.parametrize(
    ("work", "seconds", "compiler", "compiles"),
    [
        (1e15, 3600.0, True, True),
        (1e15, 600.0, True, False),
        (1e12, 3600.0, True, False),
        (0.0, float("inf"), True, False),
        (1e15, 3600.0, False, False),
    ],
)
def test_only_a_long_fit_is_compiled(
    work: float, seconds: float, compiler: bool, compiles: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compute.shutil, "which", lambda name: "/usr/bin/g++" if compiler else None)
    asked = ComputeSettings(device="cpu", precision="fp32")
    found = decide(asked, threads=1, casts=True, work=work, seconds=seconds)
    assert found.compile is compiles
    on_request = ComputeSettings(device="cpu", precision="fp32", compile=not compiles)
    assert decide(on_request, threads=1, casts=True, work=work, seconds=seconds).compile is not compiles
    asked = ComputeSettings(device="cpu", precision="fp32", compile=True)
    found = decide(asked, threads=1, casts=True, work=work, seconds=15.0)
    assert not found.compile and "15 s are left" in found.reasons["compute.compile"], "the budget counts more"


def test_an_unknown_precision_is_named() -> None:
    with pytest.raises(ConfigError, match="precision"):
        ComputeSettings.parse({"precision": "fp16"})


@pytest.mark.parametrize(
    ("features", "has"),
    [
        ({"avx2", "fma"}, False),
        ({"avx512f", "avx512_bf16"}, True),
        ({"asimd", "svebf16"}, True),
        (set(), False),
    ],
)
def test_bf16_is_multiplied_where_the_processor_says_so(
    features: set[str], has: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compute, "cpu_features", lambda: features)
    compute.multiplies_bf16.cache_clear()
    assert compute.multiplies_bf16("cpu") == has
    compute.multiplies_bf16.cache_clear()
