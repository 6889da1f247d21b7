"""A parameter given twice is refused by name, instead of one value being dropped."""

import httpx
import pytest

from tests.collector.province import Province


@pytest.mark.parametrize("query", ["asset_no=A001&asset_no=B001", "limit=1&limit=1", "nothing=1&nothing=2"])
def test_a_parameter_given_twice_is_refused(api: httpx.Client, province: Province, query: str) -> None:
    answer = api.get(f"/api/v1/decisions?{query}")
    assert answer.status_code == 422
    name = query.partition("=")[0]
    assert answer.json()["errors"] == [{"place": f"query.{name}", "problem": "given more than once"}]
    assert api.get(f"/api/v1/decisions?{query.partition('&')[0]}").status_code == 200
