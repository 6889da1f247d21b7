"""The description of the API for people, at /docs: Swagger UI with assets from our own server only.

The assets are the ones in the package fastapi-swagger. The page holds no inline script, no link to another host,
and switches off the validator that Swagger UI would ask outside. Its parts are closed at first: with more than some 130
operations open at once Swagger UI stops drawing behind the first ones, without a word.
"""

from functools import cache
from http import HTTPStatus
from importlib import resources

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

from collector.api.problem import not_found

router = APIRouter(prefix="/docs", include_in_schema=False)

CONTENT_SECURITY_POLICY = (
    # Swagger UI sets styles on its elements and draws its icons from data: addresses.
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>jishi API</title>
<link rel="icon" href="/static/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
_START = """SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  docExpansion: "none",
  defaultModelsExpandDepth: 0,
  persistAuthorization: false,
  tryItOutEnabled: true,
  validatorUrl: null
});
"""
_ASSETS = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}


@router.get("")
def show_docs() -> HTMLResponse:
    return HTMLResponse(_PAGE, headers={"Content-Security-Policy": CONTENT_SECURITY_POLICY})


@router.get("/start.js")
def show_start() -> Response:
    return Response(_START, media_type="text/javascript")


@router.get("/{asset}")
def show_asset(asset: str) -> Response:
    if asset not in _ASSETS:
        raise not_found("asset", asset, remedy="the description is at /docs")
    headers = {"Cache-Control": "public, max-age=3600"}
    return Response(_read(asset), status_code=HTTPStatus.OK, media_type=_ASSETS[asset], headers=headers)


@cache
def _read(asset: str) -> bytes:
    return resources.files("fastapi_swagger.resources").joinpath(asset).read_bytes()
