"""A report as one HTML page to read and to print to PDF by the reader's own browser, on A4.

Nothing is loaded from anywhere: the style is in the page, fonts are named by family only, and there is no script. All
that people wrote is escaped. Tables are on landscape pages, their heads repeated on each.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from collector.clock import LOCAL
from collector.self_evaluation import report_tables, summary
from collector.self_evaluation.states import STATES_ZH
from collector.self_evaluation.texts import HEADINGS
from collector.self_evaluation.versions import Step, Version

CONTENT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""What the page may load: its own style, and nothing else."""


def render(version: Version, steps: Sequence[Step]) -> str:
    """The whole file. `steps` are those up to now, the first one first."""
    report = version.report
    about = [step for step in steps if step.version == version.number]
    return (
        _environment()
        .get_template("report.html")
        .render(
            report=report,
            version=version.number,
            sha256=version.sha256,
            steps=steps,
            state=STATES_ZH[about[-1].state] if about else "",
            figures=summary.summarise(report),
            income=list(report_tables.income_rows(report)),
            headings=HEADINGS,
            content_policy=CONTENT_POLICY,
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("collector.self_evaluation", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        summary=summary, documents_zh=report_tables.DOCUMENTS_ZH, states_zh=STATES_ZH, local_time=_local_time
    )
    return environment


def _local_time(instant: datetime) -> str:
    return instant.astimezone(LOCAL).strftime("%Y-%m-%d %H:%M")
