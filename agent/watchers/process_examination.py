"""Why no process is the one that is watched: for the doctor, in no running agent."""

import difflib
from pathlib import PurePath

import psutil

from agent.finding import Finding

SHOWN = 3


def judge_process(name: str, wanted: str, pids: list[int]) -> Finding:
    """Say of watcher `name` whether its process runs, and which ones have a name that is near where it does not."""
    what = f"process of {name}"
    if pids:
        return Finding(what, "ok", f"{wanted!r} runs as process {', '.join(map(str, pids))}")
    near = difflib.get_close_matches(PurePath(wanted).name, _running(), n=SHOWN, cutoff=0.7)
    hint = f"; these run: {', '.join(near)}" if near else ""
    remedy = f"start the instrument's software and ask again, or correct the name{hint}"
    return Finding(what, "warn", f"no process is {wanted!r}", "the instrument's software", remedy)


def _running() -> set[str]:
    return {process.info["name"] for process in psutil.process_iter(["name"]) if process.info["name"]}
