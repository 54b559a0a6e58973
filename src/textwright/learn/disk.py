"""What storing a checkpoint asks of a file system. Tests let each of these calls fail, or be the last one."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor

from textwright.core import files


class Disk:
    """A file system on which what was synced survives a loss of power."""

    def free_bytes(self, folder: Path) -> int:
        return shutil.disk_usage(folder).free

    def make_folder(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)

    def write_text(self, path: Path, text: str) -> None:
        path.write_text(text, encoding="utf-8")

    def write_tensors(self, path: Path, tensors: dict[str, Tensor]) -> None:
        save_file(tensors, path)

    def sync(self, path: Path) -> None:
        files.sync(path)

    def rename(self, path: Path, target: Path) -> None:
        os.replace(path, target)

    def remove(self, path: Path) -> None:
        shutil.rmtree(path)
