"""Which process holds a lease, and whether it still lives: told without waiting for the lease to run out.

A holder is named by this boot of the machine, the namespace of its process number, the number, and when the process
began. Only one of the same boot and namespace can be looked for; of all others nothing is known, and their lease has
to run out. Where there is no /proc, nobody is named.
"""

import functools
import os
from pathlib import Path

LONGEST = 64  # characters of a name


def current_holder() -> str:
    """This process; "" where it cannot be named."""
    return _holder_of(os.getpid())


@functools.lru_cache(maxsize=2)  # a forked process has another number
def _holder_of(pid: int) -> str:
    began = _start_ticks(pid)
    return f"{_process_namespace()}/{pid}.{began}" if _process_namespace() and began else ""


def is_dead(holder: str) -> bool:
    """Whether that process has certainly ended."""
    place, _, process = holder.partition("/")
    if not place or place != _process_namespace():
        return False
    pid, _, began = process.partition(".")
    return _start_ticks(int(pid)) != began


@functools.cache
def _process_namespace() -> str:
    """Where process numbers mean what they mean here."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = os.readlink("/proc/self/ns/pid").strip("pid:[]")
    except OSError:
        return ""
    return f"{boot[:13]}.{namespace}"


def _start_ticks(pid: int) -> str:
    """When the process began, in ticks since the boot; "" where there is none, or only what is left of one."""
    try:
        # The name of the program, in parentheses, may hold anything.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]
