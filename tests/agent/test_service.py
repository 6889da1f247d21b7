"""What an administrator installs: it parses, and paths arrive as they are."""

import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from agent import cli
from agent.service import SYSTEMS, Installation, powershell_script, systemd_unit, winsw_definition

PLAIN = Installation("/opt/jishi/bin/jishi-agent", "/etc/jishi/agent.toml", "/var/lib/jishi-agent")
AWKWARD = Installation('/opt/my "jishi" 50%/agent', "/etc/it's $HOME/a&b.toml", "/srv/state dir/50%")


def settings_of(unit: str) -> dict[str, list[str]]:
    settings: dict[str, list[str]] = {}
    for line in unit.splitlines():
        key, is_setting, value = line.partition("=")
        if is_setting and not line.startswith("#"):
            settings.setdefault(key, []).append(value)
    return settings


def test_the_unit_is_watched_and_started_again_but_not_after_a_wrong_configuration() -> None:
    settings = settings_of(systemd_unit(PLAIN))
    assert settings["Type"] == ["notify"]
    assert settings["ExecStart"] == ['"/opt/jishi/bin/jishi-agent" run -c "/etc/jishi/agent.toml"']
    assert settings["WatchdogSec"] == ["60"]
    assert (settings["Restart"], settings["RestartPreventExitStatus"]) == (["always"], ["2"])
    assert settings["StateDirectory"] == ['"jishi-agent"']
    assert settings["SupplementaryGroups"] == ["dialout"]


def test_paths_reach_systemd_as_they_are() -> None:
    settings = settings_of(systemd_unit(AWKWARD))
    assert settings["ExecStart"] == [r'"/opt/my \"jishi\" 50%%/agent" run -c "/etc/it' + r"'s $$HOME/a&b.toml" + '"']
    assert settings["ReadWritePaths"] == ['"/srv/state dir/50%%"'], "outside /var/lib it must be there already"
    assert "StateDirectory" not in settings


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed here")
@pytest.mark.parametrize("state_dir", ["/var/lib/jishi-agent", "/srv/state dir"])
def test_systemd_finds_no_fault_in_the_unit(tmp_path: Path, state_dir: str) -> None:
    program = tmp_path / "my programs" / "jishi-agent"
    program.parent.mkdir()
    program.touch(0o755)
    unit = tmp_path / "jishi-agent.service"
    unit.write_text(systemd_unit(Installation(str(program), "/etc/my jishi/agent.toml", state_dir)), encoding="utf-8")
    verdict = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert [line for line in verdict.stderr.splitlines() if "jishi-agent" in line] == []
    assert verdict.returncode == 0


def test_the_winsw_definition_is_xml_with_the_paths_as_they_are() -> None:
    windows = Installation(r"C:\Program Files\jishi\jishi-agent.exe", r"C:\ProgramData\R&D <1>\agent.toml", r"C:\s")
    service = ET.fromstring(winsw_definition(windows))
    assert service.findtext("executable") == windows.program
    assert service.findtext("arguments") == f'run -c "{windows.config}"'
    assert [action.attrib["action"] for action in service.findall("onfailure")] == ["restart"] * 3
    assert ET.fromstring(winsw_definition(AWKWARD)).findtext("executable") == AWKWARD.program


def test_the_script_gives_the_service_an_account_recovery_and_its_directory() -> None:
    script = powershell_script(Installation(r"C:\Program Files\it's\a.exe", r"C:\a b.toml", r"C:\Program Data\it's"))
    assert r"$stateDirectory = 'C:\Program Data\it''s'" in script
    assert '"NT SERVICE\\$name"' in script
    assert "'failure', $name, 'reset=', '3600', 'actions=', 'restart/5000/restart/30000/restart/60000'" in script
    definition = script.partition("@'\n")[2].partition("'@")[0]
    assert ET.fromstring(definition).findtext("executable") == r"C:\Program Files\it's\a.exe"


@pytest.mark.parametrize("system", ["systemd", "winsw", "powershell"])
def test_nothing_is_left_to_fill_in(system: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "agent.toml"
    path.write_text(
        '[agent]\nid = "em-01"\nstate_dir = "state"\n[collector]\nurl = "http://127.0.0.1:9"\n'
        '[[watcher]]\nname = "host"\nkind = "host"\n'
    )
    words = ["service", "install", "--print", "--system", system, "--program", "/opt/jishi-agent", "-c", str(path)]
    assert cli.main(words) == 0
    printed = capsys.readouterr().out
    assert str(path) in printed
    for placeholder in ("@PROGRAM", "@CONFIG", "@STATE", "@EXEC", "@WINSW"):
        assert placeholder not in printed


def test_a_wrong_configuration_is_not_made_a_service(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "agent.toml"
    path.write_text('[agent]\nid = "em-01"\n')
    assert cli.main(["service", "install", "--print", "-c", str(path)]) == 2
    assert capsys.readouterr().out == ""


def test_it_installs_nothing_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["service", "install", "-c", "agent.toml"])
    assert "--print" in capsys.readouterr().err


def test_the_page_names_every_system_and_the_units_user() -> None:
    page = (Path(__file__).parents[2] / "docs" / "service.md").read_text("utf-8")
    for system in SYSTEMS:
        assert f"| `{system}` |" in page
    settings = settings_of(systemd_unit(PLAIN))
    assert f"`{settings['User'][0]}`" in page
    assert f"`WatchdogSec={settings['WatchdogSec'][0]}`" in page
