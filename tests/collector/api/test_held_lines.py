"""Lines that were encoded before are found by what they are made of, within a bound of memory."""

import threading

from collector.api.held_lines import HeldLines

LINE = b"x" * 488  # 1000 bytes with its key


def test_a_line_is_found_by_its_whole_row_and_by_no_other() -> None:
    held = HeldLines()
    held.keep([((b"a", 1), b"line a1")])
    assert held.find([(b"a", 1), (b"a", 2), (b"b", 1)]) == [b"line a1", None, None]


def test_what_is_asked_for_stays_and_the_rest_goes() -> None:
    held = HeldLines(most_bytes=20_000)
    held.keep([(("wanted",), LINE)])
    for number in range(1000):
        held.keep([((number,), LINE)])
        assert held.find([("wanted",)]) == [LINE]
    found = [line for line in held.find([(number,) for number in range(1000)]) if line is not None]
    assert 0 < len(found) <= 20, "no more than fit"


def test_many_threads_find_what_each_kept() -> None:
    held, wrong = HeldLines(most_bytes=50_000), []

    def work(name: int) -> None:
        for number in range(500):
            row, line = (name, number), b"%d %d" % (name, number)
            held.keep([(row, line)])
            if held.find([row])[0] not in (line, None):
                wrong.append(row)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
