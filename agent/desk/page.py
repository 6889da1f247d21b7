"""The desk's pages as HTML: values and words in, text out. Pure; everything from outside is escaped here.

What is live asks to be loaded again every half minute; a page with a form does not, for somebody is typing there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

from agent.desk.desk import Forgotten, Person
from agent.desk.frame import Visit, document, hidden, warning
from agent.desk.strip import clock, draw_axis, draw_power, draw_states, draw_swatch
from agent.desk.words import Words
from agent.preview import Day
from protocol.entry import PURPOSES
from protocol.interval import local_day

STATES = ("run", "standby", "off", "unobserved")


class Instrument(NamedTuple):
    """What the page shows of an instrument."""

    asset: str
    day: Day
    power_mw: int | None  # now; None where no meter sees anything
    people: Sequence[Person]
    forgotten: Forgotten | None = None


class Filled(NamedTuple):
    """The form as it was filled in."""

    asset: str
    name: str = ""
    purpose: str = ""
    order: str = ""
    remember: bool = False


def overview(visit: Visit, instruments: Sequence[Instrument], status: Mapping[str, Any]) -> str:
    """All instruments: state, day, who is there, and how recording and delivery stand."""
    words = visit.words
    head = (
        f'<div class="heading"><h1>{words("desk.title")}</h1>'
        f'<p class="sub">{words("site.as_of", time=clock(visit.now_ms))} · '
        f'<a href="{visit.link("/")}">{words("site.refresh")}</a></p></div>'
    )
    cards = "".join(_instrument(visit, instrument) for instrument in instruments)
    return document(visit, words("desk.title"), f"{head}{cards}{_health(visit, status)}", refresh=True)


def sign_in_form(visit: Visit, filled: Filled, *, problem: str = "") -> str:
    """The form in which a person signs in; `problem` says why it was not taken."""
    words = visit.words
    title = words("form.title", asset=filled.asset)
    purposes = "".join(_purpose(words, purpose, checked=purpose == filled.purpose) for purpose in PURPOSES)
    main = f"""<section class="card gate">
<h1>{escape(title)}</h1>
{warning(problem)}
<form method="post" action="{visit.link("/sign-in")}">
{hidden("form", visit.token)}{hidden("asset", filled.asset)}
<label>{words("form.operator")}<input name="operator" value="{escape(filled.name)}" maxlength="64" required autocomplete="off"{"" if filled.name else " autofocus"}></label>
<fieldset><legend>{words("form.purpose")}</legend><div class="choices">{purposes}</div></fieldset>
<label>{words("form.order")}<input name="order" value="{escape(filled.order)}" maxlength="64" autocomplete="off"></label>
<label class="check"><input type="checkbox" name="remember" value="yes"{" checked" if filled.remember else ""}>{words("form.remember")}</label>
<p class="buttons"><button class="primary"{" autofocus" if filled.name else ""}>{words("form.submit")}</button> <a href="{visit.link("/")}">{words("form.back")}</a></p>
</form>
<p class="fine">{words("form.explain")}</p>
</section>"""  # noqa: E501
    return document(visit, title, main)


def failure(visit: Visit, problem: str) -> str:
    """What could not be done, and the way back."""
    title = visit.words("problem.title")
    back = f'<p><a href="{visit.link("/")}">{visit.words("form.back")}</a></p>'
    return document(visit, title, f'<section class="card gate"><h1>{title}</h1>{warning(problem)}{back}</section>')


def power(mw: int) -> str:
    """Power for people: three digits are enough."""
    return f"{mw / 1e6:.2f} kW" if abs(mw) >= 10_000_000 else f"{mw / 1000:.0f} W"


def _instrument(visit: Visit, instrument: Instrument) -> str:
    asset = escape(instrument.asset)
    return (
        f'<section class="card instrument"><header><h2>{asset}</h2>{_now(visit.words, instrument)}</header>'
        f"{_pictures(visit.words, instrument.day)}{_people(visit, instrument)}{_forgotten(visit, instrument.forgotten)}"
        f"{_choices(visit, instrument)}</section>"
    )


def _now(words: Words, instrument: Instrument) -> str:
    """The state and the power of this moment."""
    last = instrument.day.spans[-1] if instrument.day.spans else None
    state = f'<span class="state-now">{draw_swatch(last.state)}{words(f"state.{last.state}")}</span>' if last else ""
    if instrument.power_mw is None:
        return f'<p class="now">{state}<span class="sub">{words("desk.unseen")}</span></p>'
    label = f'<span class="label">{words("desk.power_now")}</span>'
    return f'<p class="now">{state}<span>{label} <strong>{power(instrument.power_mw)}</strong></span></p>'


def _pictures(words: Words, day: Day) -> str:
    axis = draw_axis() if day.spans or day.powers else ""
    return f"{_states(words, day)}{_power(words, day)}{axis}{_legend(words, day)}{_policy(words, day)}"


def _states(words: Words, day: Day) -> str:
    if not day.spans:
        return ""
    strip = draw_states(day, label=words("desk.today"), name=lambda state: words(f"state.{state}"))
    return f"<h3>{words('desk.today')}</h3>{strip}"


def _power(words: Words, day: Day) -> str:
    if not day.powers:
        return f'<p class="sub">{words("desk.no_power")}</p>'
    name, peak = words("desk.today_power"), words("desk.peak", power=power(max(one.mean_mw for one in day.powers)))
    return f"<h3>{name} <small>{peak}</small></h3>{draw_power(day, label=f'{name}, {peak}')}"


def _legend(words: Words, day: Day) -> str:
    if not day.spans:
        return ""
    swatches = "".join(f"<li>{draw_swatch(state)}{words(f'state.{state}')}</li>" for state in STATES)
    return f'<ul class="legend">{swatches}</ul>'


def _policy(words: Words, day: Day) -> str:
    if day.policy is not None:
        shown = f"{words('desk.preview')} · {words('desk.policy', name=day.policy.name)}"
        return f'<p class="sub">{escape(shown)} <code title="{day.policy.sha256}">{day.policy.sha256[:12]}</code></p>'
    return f'<p class="sub">{words("desk.no_policy")}</p>'


def _people(visit: Visit, instrument: Instrument) -> str:
    if not instrument.people:
        return f'<p class="nobody">{visit.words("desk.nobody")}</p>'
    rows = "".join(_person(visit, person) for person in instrument.people)
    return f'<ul class="people">{rows}</ul>'


def _person(visit: Visit, person: Person) -> str:
    words, presence = visit.words, person.presence
    what = words(f"purpose.{presence.purpose}")
    what += f" · {words('desk.order', order=presence.order)}" if presence.order else ""
    since = words("desk.since", time=_when(presence.since_ms, visit.now_ms))
    fields = hidden("form", visit.token) + hidden("asset", presence.asset) + hidden("operator", presence.operator)
    return (
        f'<li><span class="who"><strong>{escape(person.name)}</strong> {escape(what)}</span>'
        f'<span class="sub">{escape(since)} · {words(f"how.{presence.how}")}</span>'
        f'<form method="post" action="{visit.link("/sign-out")}">{fields}'
        f'<button class="button">{words("desk.sign_out")}</button></form></li>'
    )


def _forgotten(visit: Visit, told: Forgotten | None) -> str:
    if told is None:
        return ""
    when = _when(told.end_ms, visit.now_ms)
    return f'<p class="sub">{escape(visit.words("desk.forgotten", name=told.name, time=when))}</p>'


def _choices(visit: Visit, instrument: Instrument) -> str:
    """The first of the two clicks: what for."""
    links = "".join(
        f'<a class="button" href="{visit.link("/sign-in", asset=instrument.asset, purpose=purpose)}">'
        f"{visit.words(f'purpose.{purpose}')}</a>"
        for purpose in PURPOSES
    )
    return f'<nav class="choices" aria-label="{visit.words("desk.sign_in_for")}"><span class="label">{visit.words("desk.sign_in_for")}</span>{links}</nav>'  # noqa: E501


def _health(visit: Visit, status: Mapping[str, Any]) -> str:
    """How recording and delivery stand, from the agent's own status."""
    words, journal, uplink = visit.words, status["journal"], status["uplink"]
    blind = [watcher["name"] for watcher in status["watchers"] if watcher["state"] != "up"]
    age_s = journal["receipt_age_s"]
    rows = [
        ("", _recording(words, journal["refusing"])),
        (words("journal.watchers"), _watching(words, blind)),
        (words("journal.entries"), str(journal["size"])),
        (words("journal.receipted"), str(journal["receipted"])),
        (words("journal.newest"), words("journal.none") if age_s is None else _ago(words, age_s)),
        (words("journal.uplink"), words("journal.welcomed" if uplink["state"] == "welcomed" else "journal.down")),
    ]
    listed = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in rows)
    return f'<section class="card health"><h2>{words("journal.title")}</h2><dl>{listed}</dl></section>'


def _recording(words: Words, refusing: str | None) -> str:
    if refusing:
        return f'<span class="warning">{escape(words("journal.refusing", problem=refusing))}</span>'
    return f'<span class="good">{words("journal.recording")}</span>'


def _watching(words: Words, blind: Sequence[str]) -> str:
    if not blind:
        return words("journal.all_up")
    return f'<span class="warning">{escape(words("journal.some_down", names=", ".join(blind)))}</span>'


def _ago(words: Words, age_s: int) -> str:
    for unit, length_s in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if age_s >= 2 * length_s:
            return words("journal.ago", age=words(f"journal.{unit}", n=age_s // length_s))
    return words("journal.ago", age=words("journal.seconds", n=age_s))


def _when(utc_ms: int, now_ms: int) -> str:
    """The time of day, with the date where that is another one."""
    then, today = local_day(utc_ms), local_day(now_ms)
    return clock(utc_ms) if then == today else f"{then.isoformat()} {clock(utc_ms)}"


def _purpose(words: Words, purpose: str, *, checked: bool) -> str:
    mark = " checked" if checked else ""
    radio = f'<input type="radio" name="purpose" value="{purpose}" required{mark}>'
    return f'<label class="choice">{radio}<span>{words(f"purpose.{purpose}")}</span></label>'
