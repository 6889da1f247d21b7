"""A bundle from memory verified, and what was found."""

from protocol.verify import words
from protocol.verify.trust import parse_trust
from protocol.verify.verification import Result, verify
from tests.protocol.bundles import Memory, trust_text

TRUST = parse_trust(trust_text())
Files = dict[str, bytes]


def run(files: Files, trust=TRUST) -> Result:
    return verify(Memory(files), trust)


def found(result: Result) -> set[str]:
    return {finding.word for check in result.checks for finding in check.findings}


def told(result: Result) -> str:
    return "\n".join(
        f"{finding.where} {words.sentence(finding, chinese=chinese)}"
        for check in result.checks
        for finding in check.findings
        for chinese in (True, False)
    )
