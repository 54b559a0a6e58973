"""Is this machine and installation fit for work: one check after the other, each with what to do.

Only the standard library is imported before a check runs, so that a broken installation can be examined.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from textwright.runtime.cpu import cpu_features, is_busy, usable_cpus

Outcome = Literal["ok", "warning", "failed"]

_PACKAGE = "textwright"
_LOW_MEMORY, _LOW_DISK, _NO_DISK = 2e9, 2e9, 1e8
# Extras that only gather others, or are for work on this project.
_NOT_FEATURES = frozenset({"all", "dev"})


@dataclass(frozen=True)
class Check:
    """What one check found, and what to do about it; nothing to do is an empty text."""

    check: str
    status: Outcome
    found: str
    do: str = ""

    def to_json(self) -> dict[str, str]:
        return asdict(self)


def examine(round_trip: Callable[[Path], str]) -> list[Check]:
    """Run all checks; none of them raises, whatever is broken.

    `round_trip` trains, saves, loads and predicts in the folder it is given, and says what it found; it
    raises when something is not as it should be. (This room knows nothing of models.)

    >>> [check.status for check in examine(lambda folder: "fine") if check.check == "train and predict"]
    ['ok']
    """
    checks: dict[str, Callable[[], Check]] = {
        "python": _python,
        "packages": _packages,
        "torch": _torch,
        "accelerator": _accelerator,
        "processors": _processors,
        "memory": _memory,
        "current folder": lambda: _folder("current folder", Path.cwd(), "warning", "Choose --out elsewhere."),
        "temporary folder": lambda: _folder(
            "temporary folder", Path(tempfile.gettempdir()), "failed", "Set TMPDIR to a folder that works."
        ),
        "terminal": _terminal,
        "train and predict": lambda: _whole("train and predict", round_trip),
    }
    return [*(_guarded(name, check) for name, check in checks.items()), *_extras()]


def passed(checks: list[Check]) -> bool:
    """Whether no check failed; warnings are no failure."""
    return all(check.status != "failed" for check in checks)


def _guarded(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except Exception as error:  # a broken installation may raise anything
        return Check(name, "failed", _told(error), f"Run: pip install --force-reinstall {_PACKAGE}")


def _told(error: BaseException) -> str:
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _python() -> Check:
    from packaging.specifiers import SpecifierSet

    needed = metadata.metadata(_PACKAGE)["Requires-Python"]
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    if SpecifierSet(needed).contains(platform.python_version(), prereleases=True):
        return Check("python", "ok", found)
    return Check("python", "failed", f"{found}, needed is {needed}", f"Install Python {needed}.")


def _requirements(extra: str = "") -> Iterator[Any]:
    """What the installed package requires, always or only with an extra."""
    from packaging.requirements import Requirement

    for text in metadata.requires(_PACKAGE) or []:
        needed = Requirement(text)
        always, wanted = _applies(needed, ""), _applies(needed, extra)
        if wanted and (not extra or not always):
            yield needed


def _applies(needed: Any, extra: str) -> bool:
    return needed.marker is None or bool(needed.marker.evaluate({"extra": extra}))


def _fault(needed: Any) -> str:
    """What is wrong with a requirement, or nothing."""
    try:
        found = metadata.version(needed.name)
    except metadata.PackageNotFoundError:
        return f"{needed.name} is missing"
    if needed.specifier.contains(found, prereleases=True):
        return ""
    return f"{needed.name} is {found}, needed is {needed.specifier}"


def _packages() -> Check:
    needed = list(_requirements())
    faults = {str(one): fault for one in needed if (fault := _fault(one))}
    if faults:
        install = " ".join(f'"{one}"' for one in faults)
        return Check("packages", "failed", "; ".join(faults.values()), f"Run: pip install {install}")
    return Check("packages", "ok", ", ".join(f"{one.name} {metadata.version(one.name)}" for one in needed))


def _extras() -> list[Check]:
    """Nothing is wrong when an extra is missing; what to run is said all the same."""
    try:
        names = metadata.metadata(_PACKAGE).get_all("Provides-Extra") or []
        return [_extra(name) for name in names if name not in _NOT_FEATURES]
    except (ImportError, metadata.PackageNotFoundError):
        return []  # the checks of Python and packages have said so


def _extra(name: str) -> Check:
    faults = [fault for needed in _requirements(name) if (fault := _fault(needed))]
    if not faults:
        return Check(f"extra {name}", "ok", "installed")
    return Check(f"extra {name}", "ok", "; ".join(faults), f'When needed: pip install "{_PACKAGE}[{name}]"')


def _torch() -> Check:
    import torch

    features = cpu_features()
    bf16 = sorted(name for name in features if "bf16" in name)
    level = torch.backends.cpu.get_cpu_capability()
    found = f"{torch.__version__}, {level}, bfloat16 " + (
        f"by {', '.join(bf16)}" if bf16 else "not in hardware"
    )
    if platform.machine().lower() in ("x86_64", "amd64") and features and "avx2" not in features:
        return Check("torch", "warning", f"{found}, no AVX2", "Networks will be slow here; bag is not.")
    return Check("torch", "ok", found)


def _accelerator() -> Check:
    import torch

    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        return Check("accelerator", "ok", ", ".join(names))
    if torch.backends.mps.is_available():
        return Check("accelerator", "ok", "Apple MPS")
    return Check("accelerator", "ok", "none, all work is done by the processor")


def _processors() -> Check:
    usable, total = usable_cpus(), os.cpu_count() or 1
    found = f"{usable} of {total} usable"
    if is_busy():
        load = f"{os.getloadavg()[0]:.1f}"
        return Check(
            "processors", "warning", f"{found}, load {load}", "Others are working here: times will vary."
        )
    return Check("processors", "ok", found)


def _memory() -> Check:
    free = _free_memory()
    if free is None:
        return Check("memory", "ok", "not known on this system")
    found = f"{free / 1e9:.1f} GB free"
    if free < _LOW_MEMORY:
        return Check("memory", "warning", found, "Close other programs, or use fewer rows and shorter texts.")
    return Check("memory", "ok", found)


def _free_memory() -> int | None:
    """Bytes that can still be used, by the system and by the container's limit (cgroup v2)."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        return None
    try:
        limit, used = (Path(f"/sys/fs/cgroup/memory.{name}").read_text() for name in ("max", "current"))
        return min(free, max(int(limit) - int(used), 0))
    except (OSError, ValueError):  # no container, or no limit ("max")
        return free


def _folder(name: str, folder: Path, when_closed: Outcome, do: str) -> Check:
    """Whether files can be written there, and how much room there is."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"textwright")
    except OSError as error:
        return Check(name, when_closed, f"cannot be written: {error.strerror or error}", do)
    free = shutil.disk_usage(folder).free
    found = f"writable, {free / 1e9:.1f} GB free"
    if free < _LOW_DISK:
        return Check(name, "failed" if free < _NO_DISK else "warning", found, "Free some space.")
    return Check(name, "ok", found)


def _terminal() -> Check:
    """Whether Chinese can be printed."""
    encoding = getattr(sys.stdout, "encoding", None) or "unknown"
    locale = os.environ.get("LC_ALL") or os.environ.get("LC_CTYPE") or os.environ.get("LANG") or "not set"
    found = f"encoding {encoding}, locale {locale}"
    try:
        "中文 é 😀".encode(encoding)
    except (LookupError, UnicodeEncodeError):
        return Check(
            "terminal",
            "warning",
            f"{found}: cannot print Chinese",
            "Set PYTHONUTF8=1 (Windows also: chcp 65001).",
        )
    return Check("terminal", "ok", found)


def _whole(name: str, round_trip: Callable[[Path], str]) -> Check:
    """Everything together, on a few rows."""
    with tempfile.TemporaryDirectory(prefix="textwright-doctor-") as folder:
        try:
            return Check(name, "ok", round_trip(Path(folder)))
        except Exception as error:  # whatever is broken, it is what this check looks for
            return Check(name, "failed", _told(error), "Mend what failed above; otherwise please report it.")
