"""A process whose interpreter is held ends by itself, so that whoever looks after it starts another.

One thread of it may keep all others from running, in a search or a library that does not let go: then no signal is
handled, no lease is renewed, and nobody inside can tell. The clock here is a thread of C that needs no interpreter.
A thread of ours winds it again and again; where that cannot run for so long, it says where every thread stood, names
of functions and lines and no values, and ends the process with exit code 1.
"""

import atexit
import faulthandler
import sys
import threading
import time

WOUND = 5  # times within the time it takes to run out


def watch(seconds: float) -> None:
    """End this process once its interpreter has been held for so many seconds."""
    threading.Thread(target=_rearm, args=(seconds,), name="frozen", daemon=True).start()
    atexit.register(faulthandler.cancel_dump_traceback_later)


def _rearm(seconds: float) -> None:
    while True:
        # Celery puts something without a file in the place of sys.stderr.
        faulthandler.dump_traceback_later(seconds, exit=True, file=sys.__stderr__ or sys.stderr)
        time.sleep(seconds / WOUND)
