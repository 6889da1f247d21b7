"""Files that prove orders and corrections: stored by their content, given out as nothing but a download."""

import asyncio
from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote

import anyio.to_thread
from fastapi import APIRouter, Path, Query, Request, Response

from collector.api.access import Given, Lent, ReadsReadings, RecordsFacts, Services, actor_of
from collector.api.fact_models import StoredDocument
from collector.api.models import HEX64
from collector.api.problem import Problem, not_found, responses
from collector.errors import DocumentError
from collector.facts.documents import Document, DocumentFiles, Incoming, register_document
from collector.store.queries import load

router = APIRouter(prefix="/documents", tags=["facts"])
BODY_WITHIN_S = 120.0
ANYTHING = "application/octet-stream"
_SQL = load("facts")

FileName = Annotated[str, Query(max_length=200, description="What the file is called; for people")]
Sha256InPath = Annotated[str, Path(pattern=HEX64, description="SHA-256 of a document")]


def files_of(given: Services) -> DocumentFiles:
    settings = given.config.documents
    return DocumentFiles(settings.directory_in(given.config.data_dir), max_bytes=settings.max_bytes)


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    responses=responses(400, 408, 413),
    openapi_extra={"requestBody": {"required": True, "content": {ANYTHING: {"schema": {"format": "binary"}}}}},
)
async def store_document(
    request: Request, response: Response, given: Given, caller: RecordsFacts, connection: Lent, name: FileName = ""
) -> StoredDocument:
    """Stores the body as a file: PDF, PNG, JPEG, TIFF, XLSX, DOCX, OFD, XML or text.

    A Content-Type that is not the content's is refused; application/octet-stream says nothing. For a file that is
    known the status is 200.
    """
    actor = actor_of(request, caller)

    def keep(incoming: Incoming) -> tuple[Document, bool]:
        stated = request.headers.get("content-type", "")
        document = incoming.keep(stated=stated, name=name, by=actor.name)
        return document, register_document(connection, document, actor=actor)

    try:
        with files_of(given).receive() as incoming:
            await _read_body(request, incoming)
            document, is_new = await anyio.to_thread.run_sync(keep, incoming)
    except DocumentError as error:
        raise Problem("no-document", f"nothing was stored: {error}", status=HTTPStatus.BAD_REQUEST) from error
    if not is_new:
        response.status_code = HTTPStatus.OK
    sha256, size, media_type, kept_name, _ = document
    return StoredDocument(sha256=sha256, bytes=size, media_type=media_type, name=kept_name, is_new=is_new)


async def _read_body(request: Request, incoming: Incoming) -> None:
    """Each piece goes to the file as it comes: into the system's cache, which is no time to wait for."""
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            async for chunk in request.stream():
                incoming.write(chunk)
    except TimeoutError as error:
        detail = f"the body did not come within {BODY_WITHIN_S:.0f} s; send it again, or a smaller file"
        raise Problem("too-slow", detail, status=HTTPStatus.REQUEST_TIMEOUT) from error


@router.get(
    "/{sha256}",
    response_class=Response,
    responses={200: {"content": {ANYTHING: {}}, "description": "The file"}, **responses(404, 500)},
)
def show_document(given: Given, caller: ReadsReadings, connection: Lent, sha256: Sha256InPath) -> Response:
    """A file, to whoever stored it or may see a fact that names it; as a download that no browser opens as our page."""
    values = {"sha256": sha256, "person": caller.person.name, **caller.access.scope.values}
    row = connection.execute(_SQL.find_document, values).fetchone()
    if row is None:
        raise not_found("document", sha256, remedy="orders and corrections name those that there are")
    return answer_file(given, Document(*row))


def answer_file(given: Services, document: Document) -> Response:
    """The file as a download, for whoever was found to be allowed to see it. Problem 500 where it is damaged."""
    try:
        content = files_of(given).read(document.sha256)
    except DocumentError as error:
        raise Problem("damaged-document", str(error), status=HTTPStatus.INTERNAL_SERVER_ERROR) from error
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(document.file_name, safe='')}",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, media_type=document.media_type, headers=headers)
