"""Merges: what tantivy does in the background so that the index does not fall into pieces."""

import os
from contextlib import suppress
from pathlib import Path

_TASKS = Path("/proc/self/task")
_THREAD_NAME = "merge_thread"
# Beside something else that wants the processor they have a tenth of it.
_NICE = 10


def let_merges_give_way() -> None:
    """Give the threads that merge, for whatever index this process writes, a low priority.

    Nobody waits for a merge. But with about every seventh commit tantivy merges all files of up to
    some 10,000 documents into one, so as long as somebody writes it takes half a processor. When
    and what it merges cannot be said through its binding; how urgent it is can be said to Linux,
    where each thread has a priority of its own. Elsewhere nothing is done.
    """
    with suppress(FileNotFoundError):
        for task in _TASKS.iterdir():
            # A thread may end meanwhile.
            with suppress(OSError):
                if (task / "comm").read_text().startswith(_THREAD_NAME):
                    os.setpriority(os.PRIO_PROCESS, int(task.name), _NICE)
