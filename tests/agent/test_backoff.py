"""When to try again."""

from random import Random

from agent.backoff import Backoff


def test_the_ceiling_doubles_up_to_five_minutes() -> None:
    waits, value = [], Backoff()
    for _ in range(12):
        waits.append(value.ceiling_ms)
        value = value.failed()
    assert waits == [1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 128_000, 256_000, 300_000, 300_000, 300_000]
    assert Backoff(10**6).ceiling_ms == 300_000


def test_the_wait_is_drawn_evenly_from_nothing_to_the_ceiling() -> None:
    chance = Random(7)
    drawn = [Backoff(3).draw_ms(chance) for _ in range(4000)]
    assert 0 <= min(drawn) < 50
    assert 7950 < max(drawn) <= 8000
    assert 3800 < sum(drawn) / len(drawn) < 4200


def test_a_wider_spread_widens_the_draw() -> None:
    chance = Random(7)
    assert max(Backoff().draw_ms(chance, at_least_spread_ms=60_000) for _ in range(1000)) > 59_000
