"""Files of samples: what is borne, what is refused and with which words, and that the order of lines is nothing."""

import gzip
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import ForeignBytesError, MalformedSamples
from protocol.sample_file import parse_samples
from protocol.samples import Sample

PLAIN = "time,power_w,energy_wh\n2026-03-02T08:00:00+08:00,41.5,120\n2026-03-02T08:00:01+08:00,42,120.5\n"
EIGHT_MS = int(datetime(2026, 3, 2, tzinfo=UTC).timestamp()) * 1000


def parsed(text, layout="plain"):
    return parse_samples(text.encode(), layout).samples


def refused(text, layout="plain"):
    with pytest.raises(MalformedSamples) as caught:
        parsed(text, layout)
    return str(caught.value)


def test_the_plain_layout():
    assert parsed(PLAIN) == (Sample(EIGHT_MS, 41_500, 120_000), Sample(EIGHT_MS + 1000, 42_000, 120_500))


def test_the_header_names_the_columns_in_any_order():
    assert parsed("Power_W, time\n1,0\n2,1000\n") == (Sample(0, 1000), Sample(1000, 2000))


def test_without_a_header_the_columns_are_time_and_power():
    assert parsed("0,1\n1000,2\n") == (Sample(0, 1000), Sample(1000, 2000))


def test_a_counter_may_be_missing_here_and_there():
    assert parsed("time,power_w,energy_wh\n0,1,\n1000,2,0.001\n") == (Sample(0, 1000), Sample(1000, 2000, 1))


@pytest.mark.parametrize(
    "disguise",
    [
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace("\n", "\r").encode(),
        lambda text: text.replace("\n", "\n\n  \n").encode(),
        lambda text: text.rstrip().encode(),
        lambda text: text.replace("41.5", '"41.5"').replace(",", " , ").encode(),
        lambda text: gzip.compress(text.encode()),
    ],
    ids=["mark", "crlf", "cr", "blank", "no end of line", "quotes and spaces", "gzip"],
)
def test_a_file_says_the_same_however_an_editor_saved_it(disguise):
    assert parse_samples(disguise(PLAIN)).samples == parsed(PLAIN)


@pytest.mark.parametrize(
    "written, utc_ms, back",
    [
        ("2026-03-02T00:00:00Z", EIGHT_MS, "2026-03-02T00:00:00+00:00"),
        ("2026-03-02T08:00:00.250+08:00", EIGHT_MS + 250, "2026-03-02T08:00:00.250+08:00"),
        ("2026-03-02 08:00:00", EIGHT_MS, "2026-03-02T08:00:00+08:00"),
        ("2026-03-01T19:00:00-0500", EIGHT_MS, "2026-03-01T19:00:00-05:00"),
        (str(EIGHT_MS), EIGHT_MS, EIGHT_MS),
    ],
)
def test_times_are_read_exactly_and_written_back_the_same_way(written, utc_ms, back):
    later = "2030-01-01" if "+" not in written and "Z" not in written and "-0500" not in written else "2030-01-01T00Z"
    recording = parse_samples(f"{written},1\n{2 * EIGHT_MS if written.isdigit() else later},1\n".encode())
    assert recording.samples[0].at_ms == utc_ms
    assert recording.notation.write(utc_ms) == back


def test_time_without_a_zone_is_local_time_and_that_is_said():
    assert parse_samples(b"2026-03-02T08:00,1\n2026-03-02T08:01,1\n").notes == (
        "times have no zone and were taken as UTC+8",
    )


def test_tracebase_takes_the_average_over_one_second():
    text = '08/08/2011 04:41:01;17;19\n"08/08/2011 04:41:02"; 19; 17\n'
    start_ms = int(datetime(2011, 8, 7, 20, 41, 1, tzinfo=UTC).timestamp()) * 1000
    assert parsed(text, "tracebase") == (Sample(start_ms, 17_000), Sample(start_ms + 1000, 19_000))


def test_one_torn_line_in_a_hundred_is_passed_over_in_tracebase_and_said():
    lines = [f"08/08/2011 04:{n // 60:02}:{n % 60:02};17;17" for n in range(200)]
    torn = [*lines[:50], "15/0515/05/2013 07:17:22;19;19", *lines[50:], "09/0"]
    recording = parse_samples("\n".join(torn).encode(), "tracebase")
    assert len(recording.samples) == 200
    assert "2 torn lines were passed over (first: line 51)" in recording.notes
    assert refused("\n".join([*torn, "x"]), "tracebase").startswith("line 203: found 'x'")


def test_lines_in_any_order_and_repeated_say_the_same():
    lines = [f"{1000 * n},{n % 7}" for n in range(50)]
    shuffled = "\n".join([*lines[20:], *lines[:30]])
    assert parsed(shuffled) == parsed("\n".join(lines))
    assert "the time goes back in line 31 (" in parse_samples(shuffled.encode()).notes[0]


@pytest.mark.parametrize(
    "text, words",
    [
        ("", "no samples found in 0 bytes; expected lines like 2026-03-02T08:00:00+08:00,41.5"),
        ("time,power_w\n", "no samples found in 13 bytes"),
        ("0,1\n", "all samples are of one time"),
        ("time,watts\n0,1\n", "line 1: found the header 'time,watts'; expected time,power_w or time,power_w,energy_wh"),
        ("time,power_w,power_w\n0,1,1\n", "line 1: found the header"),
        ("08/08/2011 04:41:01;17;19\n", "line 1: found '08/08/2011 04:41:01;17;19'; expected fields divided by commas"),
        ("time,power_w\n0,41,5\n", "line 2: found 3 fields in '0,41,5'; expected 2 fields: time,power_w (write 41.5"),
        ("0,41,5\n", "a third column needs a header"),
        ("0,nan\n1,1\n", "line 1: found 'nan'; expected a number of W"),
        ("0,1\n\n1000,inf\n", "line 3: found 'inf'"),
        ("0,1\n1000,\n", "line 2: found nothing; expected a number of W"),
        ("0,1_0\n", "found '1_0'"),
        ("0,1e30\n", "found '1e30'; expected a number of W between ±1000000000"),
        ("time,power_w,energy_wh\n0,1,-5\n", "line 2: found the counter '-5'"),
        ("yesterday,1\n", "line 1: found the time 'yesterday'; expected ISO 8601"),
        ("2026-02-30T00:00:00Z,1\n", "found the time '2026-02-30T00:00:00Z'"),
        (
            "1767225600,1\n1767225601,1\n",
            "found the time 1767225600; expected milliseconds since 1970: add three digits",
        ),
        ("2026-03-02T08:00:00,1\n2026-03-02T08:00:01Z,1\n", "line 2: found a time written otherwise than in line 1"),
        ("0,1\n2026-03-02T08:00:01Z,1\n", "line 2: found a time written otherwise"),
    ],
)
def test_what_is_refused_and_with_which_words(text, words):
    assert words in refused(text)


@pytest.mark.parametrize(
    "line", ["31/02/2011 04:41:01;1;1", "08/08/2011 24:00:00;1;1", "08/08/2011 04:41:01;1", "08/08/2011 04:41:01;x;1"]
)
def test_a_tracebase_line_that_is_none(line):
    assert refused(f"{line}\n", "tracebase").startswith("line 1: found")


def test_bytes_that_are_no_text_are_named_with_their_line():
    with pytest.raises(MalformedSamples, match=r"line 2: found bytes that are no UTF-8"):
        parse_samples(b"0,1\n\xff\xfe,1\n")


@pytest.mark.parametrize("cut", [3, 20, 60])
def test_a_damaged_gzip_file_is_refused(cut):
    packed = gzip.compress(PLAIN.encode())
    with pytest.raises(MalformedSamples, match="gzip"):
        parse_samples(packed[:cut])


def outcome(raw, layout):
    try:
        return len(parse_samples(raw, layout).samples) >= 2
    except ForeignBytesError as error:
        return str(error) != ""


@given(st.binary(max_size=200), st.sampled_from(["plain", "tracebase"]))
def test_foreign_bytes_raise_one_family(raw, layout):
    assert outcome(raw, layout)


@given(st.text(alphabet="0123456789.,-+:;/TZ e\n\x00\"'", max_size=80), st.sampled_from(["plain", "tracebase"]))
def test_what_nearly_is_a_file_raises_the_same_family(text, layout):
    assert outcome(text.encode(), layout)
