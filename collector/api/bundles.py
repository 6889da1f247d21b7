"""The evidence of an instrument and a period as a zip, for whoever wants to check it without us: docs/bundle.md.

It holds the agents' entries themselves, so it needs the right to readings, over an instrument that was in the caller's
scope on every day of the period. It is made on disk, whole, before a byte of it is sent; few are made at a time.
"""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from pathlib import Path
from threading import BoundedSemaphore
from typing import Annotated, BinaryIO

from fastapi import APIRouter, Query, Request
from starlette.responses import StreamingResponse

from collector.api.access import Given, Lent, ReadsReadings, Services, actor_of
from collector.api.instruments import load_instrument
from collector.api.models import WrittenDay
from collector.api.paging import FIRST_DAY, LAST_DAY, AssetNoInPath, check_days
from collector.api.problem import Problem, responses
from collector.errors import BundleError, ReadingsDropped
from collector.evidence.bundle import Keys, Wanted, write_bundle
from collector.evidence.bundle_files import zip_of
from collector.keys import ensure_export_key
from collector.registry.audit import record_change

router = APIRouter(prefix="/instruments", tags=["evidence"])

AT_ONCE = 2
"""Bundles that are made at a time, each with a connection of its own; a year takes a minute and some 50 MB of disk."""
RETRY_AFTER_S = 30
MEDIA_TYPE = "application/zip"
_PIECE_BYTES = 65_536
_places = BoundedSemaphore(AT_ONCE)

FirstDay = Annotated[WrittenDay, Query(alias="from", ge=FIRST_DAY, le=LAST_DAY, description="First local day")]
LastDay = Annotated[WrittenDay, Query(alias="to", ge=FIRST_DAY, le=LAST_DAY, description="Last local day, included")]


@router.get(
    "/{asset_no:path}/bundle",
    response_class=StreamingResponse,
    responses={
        200: {"content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}, "description": "The bundle"},
        **responses(400, 404, 409, 410, 413, 503),
    },
)
def download_bundle(
    request: Request,
    given: Given,
    caller: ReadsReadings,
    connection: Lent,
    asset_no: AssetNoInPath,
    first_day: FirstDay,
    last_day: LastDay,
) -> StreamingResponse:
    """The evidence bundle of a range of local days as a stored zip, signed; `jishi-audit verify` checks it offline."""
    check_days(first_day, last_day)
    scope = caller.access.scope
    load_instrument(connection, asset_no, given.today(), scope=scope, first_day=first_day, last_day=last_day)
    wanted = Wanted(asset_no, first_day, last_day)
    file = _make(given, wanted)
    with connection.transaction():
        target = f"{asset_no} {first_day} {last_day}"
        record_change(connection, actor_of(request, caller), "bundle.write", target=target)
    name = f"jishi-bundle-{first_day}-{last_day}.zip"
    return StreamingResponse(
        _pieces(file), media_type=MEDIA_TYPE, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


def _make(given: Services, wanted: Wanted) -> BinaryIO:
    """The whole zip as a file without a name."""
    config = given.config
    export = ensure_export_key(config.data_dir, config.domain)
    keys = Keys(config.domain, export, given.receipt_vkey, config.log.directory_in(config.data_dir))
    with _place(), tempfile.TemporaryDirectory(prefix="jishi-bundle-") as name:
        directory = Path(name)
        try:
            write_bundle(config.dsn, wanted, keys, directory=directory, now_ms=round(given.now().timestamp() * 1000))
        except ReadingsDropped as error:
            raise Problem("readings-dropped", str(error), status=HTTPStatus.GONE) from error
        except BundleError as error:
            raise Problem("no-bundle", str(error), status=HTTPStatus.CONFLICT) from error
        return _packed(directory)


def _packed(directory: Path) -> BinaryIO:
    """Closed by _pieces, which sends it, or here where it is not whole."""
    with ExitStack() as opened:
        file = opened.enter_context(tempfile.TemporaryFile())
        try:
            for piece in zip_of(directory):
                file.write(piece)
        except ValueError as error:
            detail = f"{error}: `jishi-collector bundle`, or ask for fewer days"
            raise Problem("too-large", detail, status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE) from error
        file.seek(0)
        opened.pop_all()
        return file


@contextmanager
def _place() -> Iterator[None]:
    """One of the few places; Problem 503 where all are taken."""
    if not _places.acquire(blocking=False):
        raise Problem(
            "busy",
            f"{AT_ONCE} bundles are being made; ask again in {RETRY_AFTER_S} s",
            status=HTTPStatus.SERVICE_UNAVAILABLE,
            headers={"Retry-After": str(RETRY_AFTER_S)},
        )
    try:
        yield
    finally:
        _places.release()


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE_BYTES):
            yield piece
