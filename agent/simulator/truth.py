"""What the simulated instrument really did, written where nothing of the system reads it.

One JSON line at each true transition, and one at a clean stop, so that records can be compared with it afterwards:

    {"at_ms":1764554716036,"state":"run","power_mw":820113}
    {"at_ms":1764554806036,"end":true}
"""

import json
from pathlib import Path

from agent.simulator.models import Segment


class Truth:
    """An open truth file. Each line is handed to the system at once: killing the simulator loses none."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")

    def changed(self, wall_ms: int, segment: Segment) -> None:
        """Write that `segment` began a new state at `wall_ms`."""
        self._write({"at_ms": wall_ms, "state": segment.state, "power_mw": segment.power_mw})

    def end(self, wall_ms: int) -> None:
        """Write that the simulation ended on purpose, and close the file."""
        self._write({"at_ms": wall_ms, "end": True})
        self._file.close()

    def _write(self, line: dict[str, int | str | bool]) -> None:
        self._file.write(json.dumps(line, separators=(",", ":")) + "\n")
        self._file.flush()
