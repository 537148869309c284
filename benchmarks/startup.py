"""Start-up: import of the library and `unseen --help`, against importing its dependencies alone.

python benchmarks/startup.py
"""

import subprocess
import sys
import time
from pathlib import Path


def seconds(command: list[str], repeats: int = 7) -> float:
    best = []
    for _ in range(repeats):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        best.append(time.perf_counter() - started)
    return sorted(best)[len(best) // 2]


def main() -> None:
    bare = seconds([sys.executable, "-c", "pass"])
    script = Path(sys.executable).parent / "unseen"
    rows = {
        "python -c pass": bare,
        "import unseen": seconds([sys.executable, "-c", "import unseen"]),
        "from unseen import audit": seconds([sys.executable, "-c", "from unseen import audit"]),
        "import polars": seconds([sys.executable, "-c", "import polars"]),
        "unseen --help": seconds([str(script), "--help"]),
    }
    for name, value in rows.items():
        print(f"{name:28s} {value:.3f} s")


if __name__ == "__main__":
    main()
