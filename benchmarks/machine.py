"""Where and of what a page of figures is: the commit, the machine, how busy it was. Both benchmarks begin with it."""

import os
import platform
import subprocess
import time
from pathlib import Path


def heading(load: float) -> list[str]:
    """Return the first lines of a page; `load` is the machine's average at the start."""
    changes = " and changes" if _git("status", "--porcelain", "--untracked-files=no") else ""
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return [
        f"- commit {_git('rev-parse', '--short', 'HEAD')}{changes}, {time.strftime('%Y-%m-%d', time.gmtime())}",
        f"- {_processor()}, {os.cpu_count()} cores, load average {load:.1f} at the start; {system}",
    ]


def _git(*arguments: str) -> str:
    ended = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True)  # noqa: S603, S607 - to name the commit
    return ended.stdout.strip()


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
