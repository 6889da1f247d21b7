"""The collector's own log, open to everybody: a list of the logs, and each one's files as C2SP tlog-tiles.

    /log                                  the logs with their keys, as JSON
    /log/2026-1/checkpoint                the newest signed tree
    /log/2026-1/tile/0/x001/234           its hashes
    /log/2026-1/tile/entries/000.p/7      its entries

The files are those that `jishi-collector log` wrote. A path is served in its one spelling only, so that nothing else
can be named by it. Tiles never change and may be cached for good; the checkpoint changes each minute.
"""

import re
from http import HTTPStatus

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from collector.api.access import Given, Lent
from collector.api.problem import Problem
from collector.evidence.sequencer import find_conflict, list_heads
from collector.evidence.tile_files import TileFiles
from protocol.errors import MalformedName
from protocol.tiles import CHECKPOINT, parse_path

router = APIRouter(prefix="/log", tags=["evidence"])

_NAME = re.compile(r"[0-9]{4}-[1-9][0-9]{0,5}", re.ASCII)
_FOR_GOOD = "public, max-age=31536000, immutable"
_FOR_SECONDS = "public, max-age=5"


class OneLog(BaseModel):
    """A log and its newest tree."""

    log: str = Field(examples=["2026-1"])
    origin: str = Field(examples=["jishi.example/log/2026-1"])
    vkey: str = Field(description="The key that signs its checkpoints, as a C2SP verifier key.")
    size: int
    state: str = Field(description="`grows`, `ended`, or why nothing is signed in it any more.", examples=["grows"])
    prefix: str = Field(description="Where its checkpoint and tiles are.", examples=["/log/2026-1"])


class Logs(BaseModel):
    logs: list[OneLog] = Field(description="The first one first; the last one is the one that grows.")


@router.get("")
def list_own_logs(connection: Lent) -> Logs:
    """The collector's own logs, for whoever reads or verifies them; no key is needed."""
    heads = list_heads(connection)
    logs = []
    for head in heads:
        state = find_conflict(connection, head.log) or ("grows" if head is heads[-1] else "ended")
        prefix = f"{router.prefix}/{head.log}"
        logs.append(
            OneLog(log=head.log, origin=head.origin, vkey=head.vkey, size=head.size, state=state, prefix=prefix)
        )
    return Logs(logs=logs)


@router.get("/{log}/{path:path}", include_in_schema=False)
def read_own_log(given: Given, log: str, path: str) -> Response:
    """A file of a log."""
    is_checkpoint = path == CHECKPOINT
    content = _read(given, log, path)
    if content is None:
        detail = f"no file {path!r} of a log {log!r}; /log lists the logs, and a checkpoint says what there is"
        raise Problem("not-found", detail, status=HTTPStatus.NOT_FOUND)
    return Response(
        content,
        media_type="text/plain; charset=utf-8" if is_checkpoint else "application/octet-stream",
        headers={"Cache-Control": _FOR_SECONDS if is_checkpoint else _FOR_GOOD},
    )


def _read(given: Given, log: str, path: str) -> bytes | None:
    if not _NAME.fullmatch(log):
        return None
    try:
        if path != CHECKPOINT:
            parse_path(path)
    except MalformedName:
        return None
    config = given.config
    return TileFiles(config.log.directory_in(config.data_dir), log).read(path)
