"""An inspector: his own laptop, keys of his own that two others registered, and the steps of docs/onsite.md."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from collector.registry import people
from collector.registry.access import Access
from collector.store.database import Connection
from protocol.audit.inspect_steps import write_steps
from protocol.findings import Step
from tests.threats.command import Done, run
from tests.threats.place import Place

PASSPHRASE: Mapping[str, str] = {"JISHI_PASSPHRASE": "dice cellar lamp mouse"}
PEOPLE = (("Wang", "inspector"), ("Li", "registrar"), ("Zhao", "registrar"))


class Inspector:
    """Wang. `collector` is where he hands in what he signed; there Li and Zhao are registrars."""

    def __init__(self, collector: Place, connection: Connection, laptop: Path) -> None:
        self.collector = collector
        self.laptop = laptop
        laptop.mkdir()
        for name, role in PEOPLE:
            people.register_person(connection, name)
            with connection.transaction():
                person = people.find_person(connection, name)
                people.appoint(connection, person, Access(role), now=datetime.now(UTC))

    def register_key(self, name: str) -> str:
        """Make a key; Li asks for his proof, and Zhao approves it. Its name."""
        whole = f"{self.collector.domain}/person/{name}"
        vkey = self.do("key", "new", f"{name}.key", "--name", whole).strip()
        asked = self.hand_in("person-key", "ask", "Wang", "--vkey", vkey, "--by", "Li")
        (self.laptop / f"{name}.txt").write_text(asked.said, "utf-8")
        self.do("key", "prove", f"{name}.key", f"{name}.txt", "--out", f"{name}.proof")
        number = asked.complained.split()[1].rstrip(":")
        self.hand_in("person-key", "add", number, "--proof", str(self.laptop / f"{name}.proof"), "--by", "Zhao")
        return whole

    def do(self, *words: str) -> str:
        """`jishi-audit` on his laptop; what it says."""
        done = self.try_to(*words)
        assert done.code == 0, done.complained
        return done.said

    def try_to(self, *words: str) -> Done:
        """The same, whatever comes of it."""
        return run("protocol.audit.cli", *words, environment=PASSPHRASE, within=self.laptop)

    def hand_in(self, *words: str) -> Done:
        """`jishi-collector`, which takes what he brings."""
        done = self.collector.collector(*words)
        assert done.code == 0, done.complained
        return done

    def offer(self, note: Path) -> Done:
        """`jishi-collector findings import`, whatever comes of it."""
        return self.collector.collector("findings", "import", str(note), "--by", "Wang")

    def sign(
        self,
        name: str,
        *,
        key: str,
        slip: Path | None = None,
        agent: str = "",
        asset: str = "",
        steps: Sequence[Step] = (),
    ) -> Path:
        """Findings; over a slip that he was handed, where the key `agent` is that of the log on it, and a live test."""
        tested: list[str] = []
        if steps:
            (self.laptop / f"{name}.jsonl").write_bytes(write_steps(list(steps)))
            tested = ["--steps", f"{name}.jsonl"]
        self.do("inspect", "form", asset or self.collector.asset, *tested, "--out", f"{name}.toml")
        form = self.laptop / f"{name}.toml"
        text = form.read_text("utf-8").replace('[""]', '["Wang"]')
        form.write_text(
            text.replace('place = ""', 'place = "B-204"').replace('plate = ""', 'plate = "SU8010"'), "utf-8"
        )
        words = ["inspect", "findings", form.name, *tested, "--key", f"{key}.key", "--out", f"{name}.note"]
        if slip is not None:
            (self.laptop / "keys.txt").write_text(f"agent {agent}\n", "utf-8")
            words += ["--slip", str(slip), "--trust", "keys.txt"]
        self.do(*words)
        return self.laptop / f"{name}.note"
