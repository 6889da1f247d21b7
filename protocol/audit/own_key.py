"""`jishi-audit key`: a person's own key, made and used on his own machine.

    key new FILE --name jishi.example/person/wang      make a key; prints what the registry needs
    key show FILE                                      print the public half
    key prove FILE TEXT --out PROOF                    sign the registry's text, as proof that you have it
    key sign FILE DECISION.txt --out NOTE              sign a decision about time in doubt or a unit, as its approver

What is signed is shown first; the passphrase that is asked for then is the consent.
"""

import argparse
import sys
from pathlib import Path

from protocol.audit import key_file
from protocol.audit.small_files import must_be_new, read, write
from protocol.audit.verify import local_time, plain
from protocol.facts import Decision
from protocol.note import MAX_NOTE_BYTES
from protocol.person_key import prove_possession
from protocol.signed_case import KIND as OF_UNIT
from protocol.signed_case import CaseDecision, Fraud, parse_case, sign_case
from protocol.signed_decision import parse_decision, sign_decision
from protocol.topics import parse_person
from protocol.verify import words

OK = 0


def configure(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare `key` among the commands of jishi-audit."""
    deeds = commands.add_parser("key", help="a person's own key").add_subparsers(
        required=True, metavar="new|show|prove|sign"
    )
    new = deeds.add_parser("new", help="make a key")
    new.add_argument("file", type=Path, metavar="FILE")
    new.add_argument("--name", required=True, metavar="DOMAIN/person/WORD")
    new.set_defaults(command=_new)
    show = deeds.add_parser("show", help="print the public half")
    show.add_argument("file", type=Path, metavar="FILE")
    show.set_defaults(command=_show)
    prove = deeds.add_parser("prove", help="sign the text that `jishi-collector person-key ask` printed")
    _sign_with(prove, "TEXT").set_defaults(command=_prove)
    sign = deeds.add_parser("sign", help="sign the decision that `jishi-collector decision-text` or `case` printed")
    _sign_with(sign, "DECISION.txt").set_defaults(command=_sign)


def _sign_with(parser: argparse.ArgumentParser, text: str) -> argparse.ArgumentParser:
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("text", type=Path, metavar=text)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="where to write; never over a file")
    return parser


def _new(arguments: argparse.Namespace) -> int:
    must_be_new(arguments.file)
    parse_person(arguments.name)  # before somebody types a passphrase twice
    key = key_file.make(arguments.file, arguments.name, key_file.ask_passphrase(is_new=True))
    print(f"{key.verifier}")
    print(
        "jishi-audit: hand this line to the registry (jishi-collector person-key ask); the file never leaves you",
        file=sys.stderr,
    )
    return OK


def _show(arguments: argparse.Namespace) -> int:
    print(key_file.load(arguments.file, key_file.ask_passphrase(is_new=False)).verifier)
    return OK


def _prove(arguments: argparse.Namespace) -> int:
    must_be_new(arguments.out)
    text = _text(arguments.text)
    key = key_file.load(arguments.file, key_file.ask_passphrase(is_new=False))
    write(arguments.out, prove_possession(text, key))
    print(f"{arguments.out} proves that you have {key.name}")
    return OK


def _sign(arguments: argparse.Namespace) -> int:
    must_be_new(arguments.out)
    text = _text(arguments.text)
    is_of_unit = text.startswith(OF_UNIT)
    print(_shown_case(parse_case(text)) if is_of_unit else _shown(parse_decision(text)))
    key = key_file.load(arguments.file, key_file.ask_passphrase(is_new=False))
    write(arguments.out, sign_case(text, key) if is_of_unit else sign_decision(text, key))
    deed = "case bring FILE" if is_of_unit else "rule NUMBER approve --note FILE"
    print(f"{arguments.out} was signed by {key.name}; hand it in: jishi-collector {deed}")
    return OK


def _shown(decision: Decision) -> str:
    rows = {
        "instrument 仪器": decision.asset,
        "from 起": local_time(decision.start),
        "to 止": local_time(decision.end),
        "verdict 认定": words.DECIDED[decision.verdict],
        "why 理由": decision.why,
        "flags 疑点": ", ".join(decision.flags) or "-",
        "asked by 提出": f"{decision.by}, {local_time(decision.at)}",
        "approved by 认定人": f"{decision.approver}, {local_time(decision.approved_at)}",
    }
    return _told(rows)


def _shown_case(decision: CaseDecision) -> str:
    rows = {"unit 单位": decision.unit, "round 考核年度": decision.round}
    if isinstance(decision, Fraud):
        rows |= {
            "decided 认定": "fraud 弄虚作假: rated poor 较差, out of rounds 取消参评资格 "
            f"{decision.first_year}–{decision.last_year}",
            "evidence 证据": ", ".join(decision.evidence),
        }
    else:
        rows |= {"instrument 仪器": decision.asset, "transfer 划拨": decision.way, "to 接收单位": decision.to or "-"}
    rows |= {
        "why 理由": decision.why,
        "drawn up by 提出": f"{decision.by}, {local_time(decision.at)}",
        "signed by 认定人": decision.approver,
    }
    return _told(rows)


def _told(rows: dict[str, str]) -> str:
    return "\n".join(f"{name}: {plain(value)}" for name, value in rows.items())


def _text(path: Path) -> str:
    return read(path, MAX_NOTE_BYTES).decode("utf-8", "replace")
