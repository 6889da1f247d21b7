"""`jishi-audit inspect`: the steps of an on-site check; the key that signs its findings is own_key.py's.

    inspect nonce                                      a random nonce, for `jishi-agent inspect` on the host
    inspect slip SLIP --bundle B --trust trust.txt     verify what the host handed out
    inspect test --out steps.jsonl                     the guided live test
    inspect sample BUNDLE --seed S --count K           days to match with the paper log
    inspect form ASSET --out form.toml [--ask]         an empty form, or one filled by questions
    inspect findings form.toml --key FILE --out NOTE   sign what was found
    inspect show NOTE --trust keys.txt                 verify findings and print them

Nothing here needs a network. The trust file has lines such as `export <vkey>` and `person <vkey>`; # begins a comment.
An agent's key comes from a line `agent <vkey>` there, else from the bundle, whose enrolment proves it to whoever trusts
the collector's keys.
"""

import argparse
import os
import secrets
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from protocol.audit import inspect_days, inspect_form, inspect_shown, inspect_steps, key_file
from protocol.audit.small_files import kept_file, must_be_new, read, write
from protocol.audit.verify import plain, progress, progress_over, read_trust, run
from protocol.errors import BadSignature, ForeignBytesError, MalformedFindings
from protocol.findings import Step, open_findings, sign_findings
from protocol.keys import VerifierKey
from protocol.note import MAX_NOTE_BYTES
from protocol.person_key import read_signers
from protocol.slip import Told, open_slip, parse_slip, read_slip
from protocol.verify.verdicts import Verdict

OK = 0
Configure = Callable[[argparse.ArgumentParser], None]


def configure(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare `inspect` among the commands of jishi-audit."""
    inspect = commands.add_parser("inspect", help="the steps of an on-site check")
    steps = inspect.add_subparsers(required=True, metavar="STEP")
    steps.add_parser("nonce", help="make a random nonce").set_defaults(command=_nonce)
    slip = steps.add_parser("slip", help="verify what the host handed out over a nonce")
    slip.add_argument("slip", type=Path, metavar="SLIP")
    slip.add_argument("--nonce", help="the nonce that you gave; the slip must be over it")
    _bundle(_trust(slip)).set_defaults(command=_slip)
    test = steps.add_parser("test", help="guided live on/off test; notes the times")
    _out(test).set_defaults(command=_test)
    sample = steps.add_parser("sample", help="draw days of a bundle to match with the paper log")
    sample.add_argument("bundle", type=Path, metavar="BUNDLE")
    sample.add_argument("--seed", required=True, metavar="S", help="drawn on site before both sides, as by dice")
    sample.add_argument("--count", type=int, default=12, metavar="K", help="how many days (default: 12)")
    sample.add_argument("--out", type=Path, metavar="FILE", help="write the sample for the form, too")
    sample.set_defaults(command=_sample)
    form = steps.add_parser("form", help="make the form, empty or by asking")
    form.add_argument("asset", metavar="ASSET")
    form.add_argument("--sample", type=Path, metavar="FILE", help="what `inspect sample --out` wrote")
    form.add_argument("--steps", type=Path, metavar="FILE", help="what `inspect test --out` wrote: it began no later")
    form.add_argument("--ask", action="store_true", help="ask for each field")
    _out(form).set_defaults(command=_form)
    findings = steps.add_parser("findings", help="sign a filled form")
    findings.add_argument("form", type=Path, metavar="FORM.toml")
    for name, text in (("slip", "the host's slip"), ("steps", "steps of the live test"), ("sample", "sample of days")):
        findings.add_argument(f"--{name}", type=Path, metavar="FILE", help=text)
    findings.add_argument("--key", type=Path, required=True, metavar="FILE", help="your key")
    _out(_bundle(_trust(findings, required=False))).set_defaults(command=_findings)
    show = steps.add_parser("show", help="verify findings and print them")
    show.add_argument("note", type=Path, metavar="NOTE")
    show.add_argument("--json", action="store_true", help="one line for programs")
    _trust(show).set_defaults(command=_show)


def _trust(parser: argparse.ArgumentParser, *, required: bool = True) -> argparse.ArgumentParser:
    parser.add_argument("--trust", type=Path, required=required, metavar="KEYS.txt", help="the keys that you believe")
    return parser


def _bundle(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--bundle", type=Path, metavar="BUNDLE", help="what proves the agent's key, by those you trust")
    return parser


def _out(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="where to write; never over a file")
    return parser


def _nonce(_arguments: argparse.Namespace) -> int:
    print(secrets.token_hex(16))
    return OK


def _slip(arguments: argparse.Namespace) -> int:
    slip = parse_slip(read(arguments.slip, MAX_NOTE_BYTES))
    told = open_slip(slip, _agent_key(arguments, read_slip(slip).checkpoint.origin))
    if arguments.nonce and arguments.nonce != told.nonce:
        raise BadSignature(f"the slip is over the nonce {told.nonce}, and yours was {arguments.nonce[:40]!a}")
    _print_told(told, slip.code)
    return OK


def _print_told(told: Told, code: str) -> None:
    print(f"log   {told.checkpoint.origin}\nindex {told.entry.index}\nnonce {told.nonce}\ncode  {code}")
    print(f"host's clock {inspect_form.local_time(told.entry.wall_ms)} (China time), boot {told.entry.boot}")


def _test(arguments: argparse.Namespace) -> int:
    with kept_file(arguments.out) as file:  # step by step: nobody switches an instrument twice for a closed lid

        def keep(step: Step) -> None:
            file.write(inspect_steps.write_steps([step]))
            file.flush()
            os.fsync(file.fileno())

        try:
            steps = inspect_steps.lead(ask=_ask, tell=_tell, now_ms=_now_ms, keep=keep)
        except (KeyboardInterrupt, EOFError):
            raise MalformedFindings(
                f"ended before its end; the steps so far are in {arguments.out}, and the next test needs another name"
            ) from None
    for step in steps:
        print(inspect_steps.show(step))
    return OK


def _sample(arguments: argparse.Namespace) -> int:
    try:
        days = inspect_days.read_days(arguments.bundle)
        sample, _ = inspect_days.sample_of(days, seed=arguments.seed, count=arguments.count)
    except ForeignBytesError:
        raise
    except ValueError as problem:
        raise MalformedFindings(str(problem)) from problem
    if arguments.out:
        write(arguments.out, inspect_days.write_sample(sample))
    print(inspect_days.as_table(sample))
    return OK


def _form(arguments: argparse.Namespace) -> int:
    must_be_new(arguments.out)
    sample = inspect_days.parse_sample(read(arguments.sample, inspect_form.MAX_BYTES)) if arguments.sample else None
    steps = inspect_steps.parse_steps(read(arguments.steps, inspect_form.MAX_BYTES)) if arguments.steps else ()
    ask = _ask if arguments.ask else None
    text = inspect_form.template(arguments.asset, now_ms=_now_ms(), steps=steps, sample=sample, ask=ask)
    write(arguments.out, text.encode())
    print(f"{arguments.out} was written; fill it in, then: jishi-audit inspect findings {arguments.out} …")
    return OK


def _findings(arguments: argparse.Namespace) -> int:
    must_be_new(arguments.out)
    told, note = None, b""
    if arguments.slip:
        slip = parse_slip(read(arguments.slip, MAX_NOTE_BYTES))
        told, note = read_slip(slip), slip.note
        if arguments.trust:
            open_slip(slip, _agent_key(arguments, told.checkpoint.origin))
        else:
            _tell(
                "jishi-audit: the slip's signature was not verified (--bundle BUNDLE --trust KEYS.txt); "
                "the collector will do it"
            )
    steps = inspect_steps.parse_steps(read(arguments.steps, inspect_form.MAX_BYTES)) if arguments.steps else ()
    sample = inspect_days.parse_sample(read(arguments.sample, inspect_form.MAX_BYTES)) if arguments.sample else None
    raw = read(arguments.form, inspect_form.MAX_BYTES)
    found = inspect_form.read_form(raw, told=told, note=note, steps=steps, sample=sample, now_ms=_now_ms())
    if undone := [row.day for row in (found.sample.rows if found.sample else ()) if row.found == "open"]:
        _tell(f"jishi-audit: {len(undone)} days are still open, nobody has looked: {', '.join(undone)}")
    key = key_file.load(arguments.key, key_file.ask_passphrase(is_new=False))
    try:
        signed = sign_findings(found, key)
    except ForeignBytesError:
        raise
    except ValueError as problem:
        raise MalformedFindings(f"the form cannot be signed: {problem}") from problem
    write(arguments.out, signed)
    print(f"{arguments.out} was signed by {key.name}; hand it to the collector: jishi-collector findings import")
    return OK


def _show(arguments: argparse.Namespace) -> int:
    raw = read(arguments.note, MAX_NOTE_BYTES)
    signers = read_signers(raw)
    found = open_findings(raw, _person_key(arguments.trust, signers[0]))
    if arguments.json:
        print(msgspec.json.encode(found).decode())
    else:
        print(inspect_shown.as_text(found, signer=signers[0]))
    return OK


def _agent_key(arguments: argparse.Namespace, origin: str) -> VerifierKey:
    """The key of an agent's log: of the trust file, else of a bundle that holds by it; BadSignature."""
    named = {key.name: key for key in read_trust(arguments.trust).agent}
    if origin in named:
        return named[origin]
    if arguments.bundle is None:
        raise BadSignature(
            f"{arguments.trust} trusts no key `agent {plain(origin)}+…`: name the instrument's bundle, "
            "which proves it (--bundle BUNDLE)"
        )
    result = run(arguments.bundle, arguments.trust, tell=progress)
    progress_over()
    verdict = {agent.origin: agent.verdict for agent in result.agents}.get(origin)
    if verdict is Verdict.VALID and origin in result.agent_keys:
        return result.agent_keys[origin]
    found = "holds no such log" if verdict is None else f"shows that log as {verdict.name}"
    raise BadSignature(
        f"{arguments.bundle} {found}, so it proves no key for {plain(origin)}: "
        "`jishi-audit verify` says why. Or ask the registry for the line `agent …`, by another road than this"
    )


def _person_key(path: Path, name: str) -> VerifierKey:
    """The key of this name in a trust file; BadSignature where it names none."""
    for key in read_trust(path).person:
        if key.name == name:
            return key
    raise BadSignature(f"{path} trusts no key `person {name}+…`: ask the registry for it, by another road than this")


def _ask(question: str) -> str:
    print(question, end="", file=sys.stderr, flush=True)
    return input()


def _tell(text: str) -> None:
    print(text, file=sys.stderr)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
