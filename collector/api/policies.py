"""Policies by their identity: the SHA-256 of the file's bytes, which are served exactly as they are."""

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from collector.api.access import Lent, ReadsPolicies
from collector.api.models import HEX64
from collector.api.problem import not_found, responses
from collector.store.queries import load

router = APIRouter(prefix="/policies", tags=["policies"])
_SQL = load("api")


@router.get(
    "/{sha256}",
    response_class=Response,
    responses={200: {"content": {"application/json": {}}, "description": "The policy file"}, **responses(404)},
)
def show_policy(
    _caller: ReadsPolicies,
    connection: Lent,
    sha256: Annotated[str, Path(pattern=HEX64, description="64 hexadecimal digits")],
) -> Response:
    """The policy file's bytes."""
    row = connection.execute(_SQL.load_policy, {"sha256": sha256}, binary=True).fetchone()
    if row is None:
        raise not_found("policy", sha256, remedy="hour records name the policies that there are")
    return Response(row[0], media_type="application/json")
