"""The slips that people make in TOML are told with the line and the remedy."""

import pytest

from agent.toml_text import NotToml, parse


def test_what_is_toml_is_read_with_or_without_the_mark_that_windows_writes() -> None:
    assert parse(b'id = "em-01"\n') == parse(b'\xef\xbb\xbfid = "em-01"\n') == {"id": "em-01"}
    assert parse("name = '机时'\n".encode()) == {"name": "机时"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a = 1\nid = “em-01”\n", "line 2 (id = “em-01”): Invalid value; quotes must be straight: \" or '"),
        ('dir = "C:\\Users\\jishi"\n', "write a path of Windows in single quotes, or with / instead of \\"),
        ("port = COM3\n", 'line 1 (port = COM3): Invalid value; put a text into quotes: "…"'),
        ("port = /dev/ttyUSB0\n", "line 1 (port = /dev/ttyUSB0): Invalid value"),
        ("tls = True\n", "write true or false"),
        ("tls = yes  # please\n", "write true or false"),
        ('id: "em-01"\n', "a value stands behind =, not behind a colon"),
        ('id ＝ "em-01"\n', "a full-width character stands there"),
        ('id = "em-01\nb = 1\n', "a quote is not closed"),
        (
            'id = "a"\nid = "b"\n',
            'line 2 (id = "b"): Cannot overwrite a value; this key, or this table, stands there twice',
        ),
        ("port = [1,\n", "is a quote or a bracket not closed?"),
        ("[agent\n", "line 1 ([agent): Expected ']' at the end of a table declaration"),
        ("x" * 200 + "\n", f"line 1 ({'x' * 60} …): Expected '='"),
    ],
)
def test_each_slip_has_its_line_and_its_remedy(text: str, says: str) -> None:
    with pytest.raises(NotToml) as caught:
        parse(text.encode())
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ("id = 1".encode("utf-16"), "is no text in UTF-8 (it is UTF-16): save it as UTF-8"),
        ('name = "机时"'.encode("gbk"), "is no text in UTF-8 (it may be GBK): save it as UTF-8"),
    ],
)
def test_another_encoding_is_named(raw: bytes, says: str) -> None:
    with pytest.raises(NotToml, match="UTF-8") as caught:
        parse(raw)
    assert str(caught.value) == says
