"""No parser of foreign bytes is without its test: functions are taken from the sources, tables from the tests.

A parser is, by its name and its first parameter, a public function that takes bytes, or is called parse or decode. A
new one either stands in a table of the tests named test_foreign_bytes.py, or here with the reason why it need not.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent import test_foreign_bytes as of_agent
from tests.collector import test_foreign_bytes as of_collector
from tests.protocol import test_foreign_bytes as of_protocol

ROOT = Path(__file__).parent.parent
HOUSES = ("protocol", "agent", "collector")

OF_PROTOCOL = {
    "batch.parse_batch": "batch",
    "beacon.open_beacon": "beacon",
    "certificate_request.open_certificate_request": "certificate request",
    "entry.decode_all": "entries at once",
    "batch.parse_bundle": "bundle",
    "entry.decode": "entry",
    "epoch.read_request": "epoch request",
    "epoch.open_request": "epoch request",
    "epoch.parse_next_epoch": "next epoch",
    "epoch.parse_taken": "taken",
    "facts.decode": "fact",
    "flags.flag.decode": "flag",
    "flags.shape.decode": "shape",
    "fork_proof.decode": "fork proof",
    "fork_proof.read_statement": "fork proof",
    "frozen.decode": "frozen period",
    "audit.inspect_days.parse_sample": "sample",
    "audit.inspect_form.read_form": "form",
    "audit.inspect_steps.parse_steps": "steps",
    "findings.open_findings": "findings",
    "findings.parse_findings": "findings text",
    "person_key.check_possession": "possession",
    "person_key.open_signed": "signed by a person",
    "person_key.read_signers": "signers",
    "signed_case.open_case": "case",
    "signed_case.parse_case": "case text",
    "signed_decision.open_decision": "decision",
    "signed_decision.parse_decision": "decision text",
    "sealed.parse_sealed": "sealed",
    "slip.parse_slip": "slip",
    "topics.parse_person": "person",
    "hint.open_hint": "hint",
    "grades.decode": "grade record",
    "hours.decode": "hour record",
    "keys.parse_vkey": "vkey",
    "leaves.parse_ask": "ask",
    "leaves.parse_leaves": "leaves",
    "log_leaf.decode": "leaf",
    "merkle.verify_inclusion": "proofs",
    "message.parse_up": "up",
    "message.parse_down": "down",
    "note.parse_note": "note",
    "note.verify": "verify",
    "note.parse_checkpoint": "checkpoint text",
    "note.open_checkpoint": "checkpoint",
    "note.cosign": "cosign",
    "note.open_receipt": "receipt",
    "parcel.parse_manifest": "manifest",
    "policy.parse_policy": "policy",
    "registered.decode": "statement",
    "sample_file.parse_samples": "samples",
    "tlog_proof.decode": "tlog proof",
    "tiles.parse_entries": "log entries",
    "tiles.parse_hashes": "log hashes",
    "tiles.parse_path": "log path",
    "verify.layout.parse_manifest": "bundle manifest",
    "verify.layout.parse_frontier": "bundle frontier",
    "verify.layout.parse_proof": "bundle proof",
    "verify.layout.parse_continued": "bundle consistency",
    "verify.layout.parse_closing": "bundle closing",
    "verify.layout.parse_session": "session",
    "verify.trust.parse_trust": "trusted keys",
    "verify.log_proofs.open_head": "checkpoint of the log",
    "verify.signed.open_by": "checkpoint of the log",
    "topics.parse_up_topic": "topic",
    "topics.parse_origin": "origin",
    "topics.parse_log_origin": "log origin",
}
"""The parsers of protocol, and the names that they have in its table."""

NOT_FOREIGN = {
    "protocol.canonical.decode_canonical": "the formats' decoders, each tested by its own name, are made of it",
    "protocol.phases.parse_phase": "reads members of hour records, whose decode is tested over it",
    "protocol.audit.signed_note.check_note": "answers with a verdict, whatever comes; parse_note is tested over it",
    "protocol.verify.days.difference": "compares a record that was decoded before",
    "protocol.phases.parse_head": "reads members of hour records, whose decode is tested over it",
    "protocol.entry.has_control_character": "bytes in, yes or no out; decode is tested over it",
    "protocol.facts.identity": "hashes",
    "protocol.registered.identity": "hashes",
    "protocol.flags.flag.identity": "hashes",
    "protocol.frozen.identity": "hashes",
    "protocol.header.first_line": "takes a line off; parse_up and parse_down are tested over it",
    "protocol.keys.is_valid_point": "32 bytes in, yes or no out; parse_vkey is tested over it",
    "protocol.keys.base64_text": "writes",
    "protocol.sealed.seal": "writes",
    "protocol.lead.parse_lead": "reads members of hour records, whose decode is tested over it",
    "protocol.merkle.leaf_hash": "hashes",
    "protocol.merkle.node_hash": "hashes",
    "protocol.tiles.first_of": "bytes in, bytes out; parse_entries is tested over it",
    "agent.credentials.public_of": "takes our own seed",
    "agent.credentials.key_to_pem": "writes",
    "agent.segment.line": "writes",
    "agent.watchers.modbus_frame.crc16": "adds up",
    "collector.ingest.accept.names_key": "asks entry.decode and compares",
    "collector.evidence.bundle_journals.size_of": "reads back our own receipts",
    "collector.ingest.held.open_bundle": "reads back what was stored; parse_bundle is tested over it",
    "collector.api.record_lines.place_of": "reads back a line that we encoded",
    "collector.ingest.rows.with_shift": "takes a row that we packed ourselves",
    "collector.evaluation.indicators.decode": "reads back what we computed and stored",
    "collector.evaluation.scoring.decode": "reads back what we computed and stored",
    "collector.evaluation.scheme.identity": "hashes",
    "collector.evaluation.published.decode": "reads back what we computed and stored",
    "collector.evaluation.published.identity": "hashes",
    "collector.monitoring.notice_form.decode": "reads back what we computed and stored",
    "collector.monitoring.notice_form.identity": "hashes",
    "collector.self_evaluation.report.decode": "reads back what we computed and stored",
    "collector.self_evaluation.report.identity": "hashes",
    "collector.store.queries.parse": "reads our own SQL files",
}


def _parsers() -> Iterator[str]:
    for house in HOUSES:
        for path in sorted((ROOT / house).rglob("*.py")):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            if "simulator" in module:
                continue  # plays instruments for whoever tries the agent; nobody's evidence passes through it
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and _is_parser(node):
                    yield f"{module}.{node.name}"


def _is_parser(function: ast.FunctionDef) -> bool:
    first = function.args.args[0].annotation if function.args.args else None
    takes_bytes = first is not None and ast.unparse(first) in ("bytes", "Message")
    return takes_bytes or function.name.split("_")[0] in ("parse", "decode")


def _covered() -> set[str]:
    names = {*of_agent.PARSERS, *of_agent.FILES, *of_collector.PARSERS, *of_collector.FILES}
    return {name.split(" ")[0] for name in names} | {f"protocol.{name}" for name in OF_PROTOCOL}


@pytest.mark.parametrize("parser", list(_parsers()))
def test_every_parser_is_in_a_table_or_says_why_not(parser: str) -> None:
    assert (parser in _covered()) != (parser in NOT_FOREIGN), f"{parser} belongs into one of the two"


def test_the_tables_name_what_there_is() -> None:
    found = set(_parsers())
    assert NOT_FOREIGN.keys() <= found
    assert {f"protocol.{name}" for name in OF_PROTOCOL} <= found
    assert set(OF_PROTOCOL.values()) <= {*of_protocol.BYTE_PARSERS, *of_protocol.TEXT_PARSERS}
