"""What can go wrong in the collector, one tree.

    CollectorError                  the message says what was found, what was expected and what to do
    ├── ConfigError                 a setting is missing, unknown or impossible (all faults in one message)
    ├── EmbeddedError               the embedded database or broker cannot start, or died at once
    │   └── AlreadyRunning          another `up` holds this directory
    ├── StoreError
    │   └── MigrationError          the database's schema is not the one that this program knows
    ├── LogStopped                  somebody shows another history of our own log than this database holds
    ├── SheetError                  a file is no table that can be read, or lacks the columns that are expected
    ├── MediumError                 what lies on a medium cannot be taken in, or not all of it
    ├── BundleError                 an evidence bundle cannot be written as asked
    ├── ExportError                 a file for people cannot be written as asked
    ├── DerivationError             a day's hour record cannot be derived; the day stays dirty and is tried again
    │   └── ReadingsDropped         the decoded readings of that time are gone; the evidence is not
    ├── CalendarUnknown             the working days of a year are not known yet
    ├── AlarmsOpen                  something is wrong that nobody has acknowledged; for whoever asks by the exit status
    ├── ForeignCursor               a place in the list of changes that this database never gave
    ├── FreezingError               a period cannot be frozen, or nothing is frozen under that name
    └── RegistryError               a fact cannot be registered as asked
        ├── FactError               what somebody said cannot be recorded beside what is recorded already
        │   ├── KeyTaken            the source sent something else under this key
        │   ├── NumberTaken         the unit has another order of this number
        │   └── UnknownDocument     a fact names a file that nobody stored
        ├── NetworkError            an instrument cannot have joined or left the network so
        ├── MonitoringError         a setting, a case, an alarm or a notice cannot be so, where it stands or at all
        ├── ExchangeError           a message to another platform, or its field mapping, cannot be so
        ├── ProposalError           what somebody proposes cannot be so, or was ruled on already
        ├── FindingRefused          findings of an on-site check that nobody whose key counts has signed
        ├── NotAllowed              the person has no right to it, or not there
        ├── DocumentError           a file cannot be stored as a document, or is not what it was any more
        ├── RoundError              a round of evaluation cannot be taken there, or nothing like that is in it
        │   └── SchemeError         a scoring scheme that does not add up (all faults in one message)
        ├── SelfEvaluationError     a self-evaluation report cannot be taken there, or cannot hold that
        │   └── FiguresChanged      what it says is not what the records say any more
        ├── CaseError               a case of a unit cannot go on so, or nothing proves what it says
        ├── PeriodFrozen            it would begin inside a frozen period, and does not say that it amends it
        ├── UnknownName             a unit, instrument, person or policy that nobody registered
        ├── BadUscc                 a unified social credit code that is none
        ├── BadCell                 a cell of a file that is not what its column says
        └── EnrolmentError          a token or key that is not accepted
            ├── UnknownToken        no such token, or not for this agent
            ├── TokenExpired
            ├── TokenUsed           redeemed before, with another key
            ├── BadKey              a low-order key, or a proof that does not verify
            ├── CertificateNeeded   the broker admits certificates only, and the agent asked for none
            ├── UnknownJournal      a certificate was asked for under a journal that is not enrolled
            ├── JournalRevoked      … that was revoked
            └── KeyReplaced         … for a TLS key that the agent had before its present one

What foreign bytes can do wrong is protocol's one family (protocol.errors.ForeignBytesError), never these.
"""


class CollectorError(Exception):
    """The root: whatever the collector raises on purpose."""


class ConfigError(CollectorError):
    """The configuration cannot be used; the message names every fault with its key path."""


class EmbeddedError(CollectorError):
    """The embedded database or broker did not start."""


class AlreadyRunning(EmbeddedError):
    """Another process holds the directory."""


class StoreError(CollectorError):
    """The database is not in the state that the program needs."""


class MigrationError(StoreError):
    """The schema in the database and the migrations of this program disagree."""


class LogStopped(CollectorError):
    """Nothing is signed in a log any more, and why."""

    def __init__(self, log: str, reason: str) -> None:
        super().__init__(
            f"log {log} stands still: {reason}. Find out which database is the right one; where it is this one, open "
            "the next log: jishi-collector log restart --why TEXT"
        )
        self.log = log
        self.reason = reason


class SheetError(CollectorError):
    """A file of rows as a whole: no CSV or XLSX, too large, or with other headings. A bad row is none of it."""


class MediumError(CollectorError):
    """A medium, or a parcel on it, is not as `jishi-agent export` writes it; or not all of it was accepted."""


class BundleError(CollectorError):
    """An evidence bundle cannot be written as asked."""


class ExportError(CollectorError):
    """A file that was asked for cannot be written."""


class DerivationError(CollectorError):
    """What a day's record is derived from is missing or impossible."""


class ReadingsDropped(DerivationError):
    """Readings of that time were dropped by the layout's retention and have not been rebuilt."""


class FreezingError(CollectorError):
    """A period cannot be frozen, or nothing is frozen under that name."""


class CalendarUnknown(CollectorError):
    """Which days of a year are worked is not known: a term that runs through it cannot be told."""

    def __init__(self, year: int) -> None:
        super().__init__(
            f"the working days of {year} are not known to this program: they are announced in the autumn before; "
            "install a newer chinesecalendar"
        )
        self.year = year


class AlarmsOpen(CollectorError):
    """Alarms are open that nobody has acknowledged."""


class ForeignCursor(CollectorError):
    """Another history of the list of changes: this database is an older one, or another."""


class RegistryError(CollectorError):
    """The registry refuses what it was asked to record."""


class FactError(RegistryError):
    """A fact that contradicts what is recorded already: why, and what to do."""

    def __init__(self, why: str, remedy: str) -> None:
        super().__init__(f"{why}; {remedy}")
        self.why, self.remedy = why, remedy


class KeyTaken(FactError):
    """The source sent another content under the same key."""


class NumberTaken(FactError):
    """Another order of the unit has this number."""


class UnknownDocument(FactError):
    """A file that a fact names is not in the store."""


class NetworkError(RegistryError):
    """A step into the network or out of it that cannot be so."""


class MonitoringError(RegistryError):
    """What monitoring refuses: a setting, a step of a case, an acknowledgement, a notice."""


class ExchangeError(RegistryError):
    """A field mapping that cannot be used (all faults in one message), or a message that cannot be sent so."""


class ProposalError(RegistryError):
    """A proposal that cannot be so, or that was ruled on already."""


class FindingRefused(RegistryError):
    """A note of findings that is malformed, or signed by no key that counts."""


class NotAllowed(RegistryError):
    """A person has no right to what he asks, or not over that subject."""


class DocumentError(RegistryError):
    """A file is too large, not what it says, damaged, or gone."""


class RoundError(RegistryError):
    """A round of evaluation cannot be what is asked, where it stands or at all."""


class SchemeError(RoundError):
    """A scoring scheme that cannot be used; the message names every fault with its place and the remedy."""


class SelfEvaluationError(RegistryError):
    """A self-evaluation report cannot be what is asked, where it stands or at all."""


class FiguresChanged(SelfEvaluationError):
    """A report's figures differ from the records that there are now; the message lists how."""


class CaseError(RegistryError):
    """A case of a unit, a proof of fraud or a transfer that cannot be so."""


class PeriodFrozen(RegistryError):
    """A fact would begin inside a frozen period without saying that it amends it."""


class UnknownName(RegistryError):
    """A name that was not registered."""


class BadUscc(RegistryError):
    """Not a unified social credit code (GB 32100-2015)."""


class BadCell(RegistryError):
    """A cell of a file that cannot be read as its column says: why, and what to do."""

    def __init__(self, why: str, remedy: str) -> None:
        super().__init__(f"{why}; {remedy}")
        self.why, self.remedy = why, remedy


class EnrolmentError(RegistryError):
    """An enrolment that cannot be granted."""


class UnknownToken(EnrolmentError):
    """No such token, or it was made for another agent."""


class TokenExpired(EnrolmentError):
    """The token's time is over."""


class TokenUsed(EnrolmentError):
    """The token was redeemed before, with another key."""


class BadKey(EnrolmentError):
    """The key is no valid point, or the proof of possession does not verify."""


class CertificateNeeded(EnrolmentError):
    """The broker admits nobody without a certificate, and none was asked for."""


class UnknownJournal(EnrolmentError):
    """No journal of this origin is enrolled here."""


class JournalRevoked(EnrolmentError):
    """The journal's key counts no more."""


class KeyReplaced(EnrolmentError):
    """The agent had this TLS key before the one that it has now."""
