"""Which data type a local model is computed in where none is named."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

from unseen.engine import cpuinfo

DEVICES = (Path("/dev/nvidia0"), Path("/dev/kfd"))
# The flags of Linux for processors that multiply bfloat16 themselves: Cooper Lake, Zen 4 and later; Sapphire Rapids and later.
MULTIPLIES = ("avx512_bf16", "amx_bf16")
# Bytes in float32 of a byte on disk, at most: four-bit weights in a GGUF file, bfloat16 in a folder.
GROWTH = {"file": 8, "folder": 2}


def usual_dtype(path: str | Path) -> str:
    """bfloat16, or float32 where the processor would emulate bfloat16 and float32 fits into half of the memory.

    An x86 processor without bfloat16 computes it about three times slower than float32. Answers can differ between the two where
    two tokens are nearly as likely, so they are kept apart.

    Args:
        path: Folder or GGUF file of the model.

    >>> usual_dtype("no-such-model.gguf") in ("bfloat16", "float32")
    True
    """
    if platform.machine() not in ("x86_64", "AMD64") or any(device.exists() for device in DEVICES):
        return "bfloat16"
    flags = cpuinfo.told("flags").split()
    if not flags or any(flag in flags for flag in MULTIPLIES):
        return "bfloat16"
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return "float32" if 2 * _in_float32(Path(path)) <= memory else "bfloat16"


def dtype_setting(name: str, dtype: str | None) -> dict[str, Any]:
    """The data type as a setting of a model by its name: the one that is asked for, else the usual one where it runs here.

    >>> dtype_setting("model.gguf", "float16"), dtype_setting("openai:small", None)
    ({'dtype': 'float16'}, {})
    """
    if dtype is not None:
        return {"dtype": dtype}
    return {"dtype": usual_dtype(name)} if os.path.exists(name) else {}


def _in_float32(path: Path) -> int:
    if path.is_dir():
        return GROWTH["folder"] * sum(p.stat().st_size for p in path.glob("*.safetensors"))
    return GROWTH["file"] * path.stat().st_size if path.is_file() else 0
