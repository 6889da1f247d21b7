"""The one family of error that foreign bytes can cause.

    ForeignBytesError (a ValueError)
    ├── MalformedEntry     an entry that is not canonical, not known, or breaks a rule of its kind
    ├── MalformedNote      a signed note, checkpoint, receipt or verifier key of the wrong form
    ├── BadSignature       well formed, and not signed by the key asked for
    ├── BadProof           a Merkle proof or frontier that does not lead to its root
    ├── MalformedBatch     a batch or entry bundle of the wrong form
    ├── MalformedMessage   a hello, welcome or refusal of the wrong form
    ├── MalformedParcel    the manifest of a parcel of the wrong form, or cut short
    ├── TooLarge           more bytes or items than the format allows, noticed before they were unpacked
    ├── MalformedPolicy    a policy file of the wrong form
    ├── MalformedSamples   a recording of power over time that cannot be read, with the line
    ├── MalformedFact      a fact that is not canonical, not known, or breaks a rule of its kind
    ├── MalformedCase      a decision about a unit that is not canonical, not known, or breaks a rule of its kind
    ├── MalformedFlag      a flag, or the shape of a day, that is not canonical or not known
    ├── MalformedFrozen    the manifest of a frozen period of the wrong form
    ├── MalformedLeaf      a leaf of the collector's log, or a statement of the registry, of the wrong form
    ├── MalformedFindings  findings of an on-site check of the wrong form
    ├── MalformedSlip      an agent's slip over a nonce of the wrong form
    ├── MalformedSealed    a file of secrets of the wrong form
    ├── WrongPassphrase    a file of secrets that this passphrase does not open
    ├── MalformedRecord    an hour record of the wrong form, or whose seconds do not add up
    └── MalformedName      an agent id, origin or topic of the wrong form

Every parser of this folder raises these for what others wrote and nothing else, so that a supervisor can
answer one family and count it. A value of our own that is wrong is a fault in the program: it raises plain
ValueError or TypeError. Texts quote foreign bytes only through `excerpt`.
"""


class ForeignBytesError(ValueError):
    """Bytes from outside are not what the format asks for."""


class MalformedEntry(ForeignBytesError):
    """An entry is not canonical, not known, or breaks a rule of its kind."""


class MalformedNote(ForeignBytesError):
    """A signed note, checkpoint, receipt or verifier key does not have the form of one."""


class BadSignature(ForeignBytesError):
    """A note of the right form is not signed by the key asked for."""


class BadProof(ForeignBytesError):
    """A Merkle proof or frontier does not lead to the root it should."""


class MalformedBatch(ForeignBytesError):
    """A batch or an entry bundle does not have the form of one."""


class MalformedMessage(ForeignBytesError):
    """A hello, welcome or refusal does not have the form of one."""


class MalformedParcel(ForeignBytesError):
    """The manifest of a parcel does not have the form of one, or was cut short."""


class NotABundle(ForeignBytesError):
    """A file that is no bundle at all, or the copy of one that was cut short: nothing is shown, so nothing is false."""


class TooLarge(ForeignBytesError):
    """More bytes or items than the format allows."""


class MalformedPolicy(ForeignBytesError):
    """A policy file does not have the form of one."""


class MalformedSamples(ForeignBytesError):
    """A recording of power over time does not have the form of one."""


class MalformedFact(ForeignBytesError):
    """A fact is not canonical, not known, or breaks a rule of its kind."""


class MalformedCase(ForeignBytesError):
    """A decision about a unit is not canonical, not known, or breaks a rule of its kind."""


class MalformedFlag(ForeignBytesError):
    """A flag, or what a day looked like, is not canonical or not known."""


class MalformedFrozen(ForeignBytesError):
    """The manifest of a frozen period does not have the form of one."""


class MalformedLeaf(ForeignBytesError):
    """A leaf of the collector's log, or a statement of the registry, is not canonical or not known."""


class MalformedFindings(ForeignBytesError):
    """Findings of an on-site check do not have the form of them."""


class MalformedSlip(ForeignBytesError):
    """A slip, or the nonce that it is over, does not have the form of one."""


class MalformedSealed(ForeignBytesError):
    """A file of secrets does not have the form of one."""


class WrongPassphrase(ForeignBytesError):
    """A file of secrets does not open: another passphrase, or a changed byte."""


class MalformedRecord(ForeignBytesError):
    """An hour record does not have the form of one, or its seconds do not add up."""


class MalformedName(ForeignBytesError):
    """An agent id, origin or topic does not have the form of one."""


def excerpt(foreign: bytes | str, limit: int = 60) -> str:
    """Quote the start of foreign bytes or text for a message: printable ASCII, one line, at most ~4 × limit."""
    start = foreign[:limit]
    quoted = ascii(start)
    return quoted if len(foreign) <= limit else f"{quoted}… ({len(foreign)} in all)"


def one_line(error: Exception, limit: int = 300) -> str:
    """An error's text as it is where it fits on a line; else quoted: a library's texts may quote foreign bytes."""
    text = str(error)
    return text if text.isprintable() and len(text) <= limit else excerpt(text, limit)
