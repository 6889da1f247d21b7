"""Everything that can go wrong at the agent and that somebody can act on, as one tree.

    AgentError
    ├── ConfigurationError     the TOML file is wrong; carries every fault with its key path
    ├── WatcherError           what is watched cannot be watched now; the supervisor tries again
    │   └── BrokenKind         a kind that an installed package brings does not work
    ├── NotEnrolledError       no key, or an enrolment that was not finished
    ├── EnrolmentError         the collector refused to enrol, or could not be asked
    ├── DeskError              what was asked at the desk cannot be done; nothing was recorded
    ├── CalibrationError       a recording that nothing can be learnt from, or that cannot be made
    └── JournalError           the journal cannot do what was asked; nothing that it promised is affected
        ├── JournalLocked      another process writes this journal
        ├── JournalFull        no room left: the entry was not accepted, its time is unobserved
        └── JournalDamaged     promised entries are missing or altered; this epoch is over
            └── JournalBehind  it was cut short, or an older copy of it was put in its place

A message says what was found, what was expected and what the operator can do. Foreign bytes raise
protocol.errors.ForeignBytesError and never one of these.
"""

from __future__ import annotations

from collections.abc import Mapping


class AgentError(Exception):
    """Root of the tree: its text is fit to be shown to the operator as it is."""


class ConfigurationError(AgentError):
    """The configuration cannot be used. `faults` holds one sentence for each fault, key path first."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class WatcherError(AgentError):
    """A watcher cannot observe at the moment; its text becomes the reason in the `watcher` entry."""


class BrokenKind(WatcherError):
    """A package's kind of watcher cannot be loaded, or raised where it had no reason to: its author has to mend it."""


class NotEnrolledError(AgentError):
    """There is no complete enrolment in the state directory."""


class EnrolmentError(AgentError):
    """The enrolment did not come about. Nothing at the agent was changed by it."""


class DeskError(AgentError):
    """Somebody asked the desk for what it cannot do. Nothing was recorded by it.

    `code` and `places` say the same to a page that speaks another language (agent/desk/words.toml), where it is there.
    """

    def __init__(self, text: str, *, code: str = "", places: Mapping[str, object] | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.places = places or {}


class CalibrationError(AgentError):
    """A recording cannot be made, or nothing can be learnt from it. What was recorded is kept."""


class JournalError(AgentError):
    """Root of what the journal raises."""


class JournalLocked(JournalError):
    """Another process holds the lock of this journal directory."""


class EntryRefused(JournalError):
    """The disk would not store an entry, not even in a new file; the journal is as it was before."""


class JournalFull(EntryRefused):
    """The disk, or the journal's size budget, has no room for another entry."""


class JournalDamaged(JournalError):
    """Promised entries that no receipt covers cannot be read back, or the journal is behind what it signed."""


class JournalBehind(JournalDamaged):
    """The journal holds fewer entries than it once had."""
