"""Findings as people read them: on the inspector's own screen, and for the unit before it goes away. Pure.

The exact bytes that were signed are in the note itself; `--json` prints their members for programs.
"""

from collections.abc import Iterator

from protocol.audit import inspect_days, inspect_steps
from protocol.audit.inspect_form import local_time
from protocol.audit.verify import plain
from protocol.findings import Findings

_VERDICTS = {"in-order": "属实", "questions": "存疑", "not-in-order": "不属实"}


def as_text(found: Findings, *, signer: str) -> str:
    """All that was found, a line each; foreign text moves no cursor."""
    return "\n".join(map(plain, _lines(found, signer)))


def _lines(found: Findings, signer: str) -> Iterator[str]:
    yield f"signed 签名          {signer}"
    yield f"instrument 仪器      {found.asset}, {found.place}; {found.plate}"
    yield f"people 人员          {', '.join(found.inspectors)}; for the unit 单位 {', '.join(found.hosts) or '-'}"
    yield f"from, to 起止        {local_time(found.begun)}, {local_time(found.ended)}"
    if found.clock_ms is not None:
        yield f"host's clock 主机钟  {found.clock_ms / 1000:+.1f} s"
    if found.nonce is not None:
        taken = "slip taken along 有签条" if found.nonce.note else "no slip 无签条"
        yield f"nonce 随机数         {found.nonce.nonce}, {found.nonce.log} entry {found.nonce.index}, {taken}"
    for step in found.steps:
        yield f"step 步骤            {inspect_steps.show(step)}"
    if found.sample is not None:
        yield from inspect_days.as_table(found.sample).split("\n")
    yield f"verdict 结论         {found.verdict} {_VERDICTS[found.verdict]}"
    if found.remarks:
        yield f"remarks 说明         {found.remarks}"
