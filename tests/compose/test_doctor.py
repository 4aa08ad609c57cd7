"""`forewarn-gateway doctor`: each finding made to happen, each with its remedy, nothing touched."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from certs.authority import CLIENT_AUTH, Authority
from gateway.command import main
from gateway.compose.doctor.examination import CHECKS, examine
from gateway.compose.doctor.finding import Level
from gateway.compose.doctor.patient import Disk, Machine, Patient
from gateway.compose.state import StateFolder
from tests.world import processes
from tests.world.ledger_builder import TRUST_DOMAIN
from tests.world.left import SENT, Clinic, Left, Well
from tests.world.live import AURORA, Live, run


def content(folder: Path) -> dict[str, tuple[int, float, str]]:
    found = {}
    for path in sorted(folder.rglob("*")):
        stat = path.stat()
        digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path)] = (stat.st_mode, stat.st_mtime, digest)
    return found


def test_where_all_is_well_it_says_so_and_leaves_no_trace(clinic: Clinic) -> None:
    before = content(clinic.folder)
    found = clinic.examine()

    assert {each.check for each in found} == set(CHECKS) - {"serving"}
    assert [each for each in found if each.level] == []
    assert content(clinic.folder) == before
    logs = {each.check: each.what for each in found}
    assert logs["ledger"] == f"{SENT + 3} entries signed; tree, store and mark agree"
    assert "days at the rate" in logs["disk"]


def test_the_command_says_the_same_of_a_gateway_that_runs_and_does_not_disturb_it(
    exchange: Live,
) -> None:
    status = ["status", "--state", str(exchange.state)]
    # What processes say of themselves is up to a second old.
    processes.eventually(lambda: CliRunner().invoke(main, status).exit_code == 0)
    ran = CliRunner().invoke(main, ["doctor", "--state", str(exchange.state), "--json"])
    found = [json.loads(line) for line in ran.stdout.splitlines()]

    assert {each["check"] for each in found} == set(CHECKS)
    # This machine's clock and disk are what they are; everything else is the exchange's.
    assert {each["check"] for each in found if each["level"] != "ok"} <= {
        *("clock", "disk", "file system", "open files")
    }
    assert ran.exit_code == max(
        {"ok": 0, "warning": 1, "problem": 2}[each["level"]] for each in found
    )
    said = {each["check"]: each["what"] for each in found}
    assert said["process"] == f"it runs, and listens on {exchange.address}"
    assert "syncs every message" in said["nats-server"]
    assert said["serving"].startswith("statements are taken in; ")
    with exchange.desk(AURORA) as desk:
        assert desk.status() == 1
    assert exchange.process is not None
    assert exchange.process.poll() is None


def test_remedies_are_shown_to_people_and_the_status_is_the_worst(clinic: Clinic) -> None:
    clinic.state.root.chmod(0o755)
    ran = CliRunner().invoke(main, ["doctor", "--state", str(clinic.state.root)])

    assert f"-> chmod 700 {clinic.state.root}" in ran.stdout
    assert ran.exit_code >= Level.WARNING
    clinic.state.root.chmod(0o777)
    ran = CliRunner().invoke(main, ["doctor", "--state", str(clinic.state.root)])
    assert ran.exit_code == Level.PROBLEM


def test_a_folder_that_is_none_is_a_problem_and_no_crash(tmp_path: Path) -> None:
    nowhere = StateFolder(root=tmp_path / "nowhere")
    found = examine(Patient.of(nowhere, datetime.now(UTC), Well()))

    complaints = {each.check for each in found if each.level is Level.PROBLEM}
    assert complaints == {"configuration", "folder"}
    assert not nowhere.root.exists()


@pytest.mark.parametrize(
    ("parts", "what"),
    [
        ({"lifetime": timedelta(days=3)}, "WARNING.*ends on .*, in 3.0 days.*no restart is needed"),
        (
            {"not_before": datetime.now(UTC) - timedelta(days=9), "lifetime": timedelta(days=8)},
            "PROBLEM.*ended on .*have the authority issue a new one",
        ),
        ({"not_before": datetime.now(UTC) + timedelta(days=2)}, "PROBLEM.*not valid before"),
        ({"usages": [CLIENT_AUTH]}, "PROBLEM.*is not for servers.*extended key usage"),
        ({"ips": [], "dns": ["localhost"]}, "PROBLEM.*does not name 127.0.0.1.*listen.public"),
    ],
)
def test_a_certificate_that_will_not_do(
    clinic: Clinic, parts: dict[str, object], what: str
) -> None:
    clinic.certify(**parts)
    complaints = clinic.complaints()

    assert list(complaints) == ["certificate"]
    assert matches(what, complaints["certificate"])


def matches(pattern: str, text: str) -> bool:
    at = 0
    for part in pattern.split(".*"):
        at = text.find(part, at)
        if at < 0:
            return False
    return True


def test_a_name_with_a_star_and_a_name_in_capitals_do(clinic: Clinic) -> None:
    clinic.say('public = "127.0.0.1:0"', 'public = "Gateway.exchange.example:8443"')
    clinic.certify(ips=[], dns=["*.exchange.example"])

    assert clinic.complaints() == {}


def test_a_certificate_of_another_authority_does_not_lead_to_the_pinned_one(
    clinic: Clinic,
) -> None:
    other = Authority.create(clinic.folder / "other", trust_domain=TRUST_DOMAIN)
    Clinic(folder=clinic.folder, authority=other).certify()
    assert "does not lead to an authority" in clinic.complaints()["certificate"]


def test_a_chain_without_its_middle_leads_nowhere(clinic: Clinic) -> None:
    chain = (clinic.folder / "gateway.crt").read_text()
    leaf, end = chain.split("-----END CERTIFICATE-----\n")[0], "-----END CERTIFICATE-----\n"
    (clinic.folder / "gateway.crt").write_text(leaf + end)

    assert "put the leaf first and every authority" in clinic.complaints()["certificate"]


def test_a_key_of_another_certificate_and_one_that_others_may_read(clinic: Clinic) -> None:
    (clinic.folder / "gateway.key").chmod(0o640)
    assert "chmod it to 600" in clinic.complaints()["certificate"]

    (clinic.folder / "gateway.key").chmod(0o600)
    certificate = (clinic.folder / "gateway.crt").read_bytes()
    clinic.certify()
    (clinic.folder / "gateway.crt").write_bytes(certificate)
    assert "is not the key of" in clinic.complaints()["certificate"]


def test_authorities_end_too(clinic: Clinic) -> None:
    root = clinic.authority.root.not_valid_after_utc
    soon = clinic.complaints(now=root - timedelta(days=30))
    assert soon["authorities"].startswith("WARNING")
    assert "give members an exchange.toml" in soon["authorities"]

    gone = clinic.complaints(now=root + timedelta(days=1))
    assert gone["authorities"].startswith("PROBLEM")

    (clinic.folder / "ca" / "ca.pem").write_text("nothing\n")
    assert "no certificates in PEM form" in clinic.complaints()["authorities"]


def test_a_clock_that_is_behind_the_ledger_or_not_synchronised(clinic: Clinic) -> None:
    late = clinic.complaints(now=datetime.now(UTC) - timedelta(hours=2))
    assert late["clock"].startswith("PROBLEM the clock is 7,")

    class Adrift(Well):
        def clock_synchronised(self) -> bool | None:
            return False

    assert clinic.complaints(Adrift())["clock"].startswith("WARNING the system says")


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("nfs4", "PROBLEM.*lies on a network file system (nfs4)"),
        ("tmpfs", "PROBLEM.*lies in memory (tmpfs)"),
        ("overlay", "WARNING.*a container's own layer.*mount a volume"),
    ],
)
def test_what_does_not_keep_what_it_was_told_to_sync(clinic: Clinic, kind: str, what: str) -> None:
    class Elsewhere(Well):
        def file_system(self, path: Path) -> str | None:
            return kind

    assert matches(what, clinic.complaints(Elsewhere())["file system"])


def test_this_machine_is_really_asked(tmp_path: Path) -> None:
    machine = Machine()

    assert machine.disk(tmp_path).total >= machine.disk(tmp_path).free > 0
    assert machine.clock_synchronised() in {True, False, None}
    memory = Path("/dev/shm")  # noqa: S108 - only looked at
    if Path("/proc/self/mountinfo").exists() and memory.exists():
        assert machine.file_system(memory) == "tmpfs"
        assert machine.file_system(Path("/proc/self")) == "proc"
        assert machine.file_system(tmp_path) not in {None, "proc"}
        assert machine.open_files(os.getpid()) is not None


def test_a_disk_that_is_full_and_one_that_soon_will_be(clinic: Clinic) -> None:
    class Full(Well):
        def disk(self, path: Path) -> Disk:
            return Disk(free=5 << 20, total=1 << 41)

    assert matches("PROBLEM only 0.0 GiB.*make room", clinic.complaints(Full())["disk"])
    clinic.say("disk_bytes = 1073741824", "disk_bytes = 0")
    # 30 entries a minute or so, of some KiB: 5 MiB last less than a month.
    assert matches("WARNING 0.0 GiB.*days at the rate", clinic.complaints(Full())["disk"])
    # Nothing comes any more: what is free lasts.
    later = datetime.now(UTC) + timedelta(days=25)
    assert "disk" not in clinic.complaints(now=later)


def remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def damage_tiles(clinic: Clinic) -> None:
    with sqlite3.connect(clinic.state.store) as store:
        store.execute("UPDATE tile SET hashes = zeroblob(length(hashes))")
    store.close()


def damage_page(clinic: Clinic) -> None:
    clinic.state.store.write_bytes(b"SQLite format 3\0" + b"\xff" * 8192)


def other_ledger(clinic: Clinic, left: Left) -> None:
    """A store of the same origin with another history, beside a mark of size 1."""
    state = clinic.folder / "second"
    done = run(
        *[str(state) if each == str(left.live.state) else each for each in left.live.init_command]
    )
    assert done.returncode == 0, done.stderr
    shutil.copy(state / "ledger.db", clinic.state.store)
    shutil.copytree(left.young / "keeper", clinic.state.keeper, dirs_exist_ok=True)


def rolled_back(clinic: Clinic, left: Left) -> None:
    shutil.copy(left.young / "ledger.db", clinic.state.store)


def other_key(clinic: Clinic, left: Left) -> None:
    shutil.copytree(left.young / "audit-keeper", clinic.state.keeper, dirs_exist_ok=True)


@pytest.mark.parametrize(
    ("harm", "what"),
    [
        (lambda clinic, _: remove(clinic.state.store), "there is no ledger.db"),
        (lambda clinic, _: damage_tiles(clinic), "the tiles in ledger.db.*folded anew"),
        (lambda clinic, _: damage_page(clinic), "the store ledger.db failed"),
        (rolled_back, f"{SENT + 3} entries were signed, ledger.db holds 1.*start the gateway"),
        (other_ledger, "is not the one that was signed at 1 entries.*find out what wrote"),
        (other_key, "the log key or its high-water mark.*not whole.*restore"),
        (lambda clinic, _: remove(clinic.state.keeper / "high-water"), "not whole.*restore"),
        (lambda clinic, _: remove(clinic.state.root / "jetstream"), "holds no blocks"),
    ],
    ids=["gone", "tiles", "page", "rolled-back", "other", "key", "mark", "stream"],
)
def test_a_ledger_that_does_not_agree(
    clinic: Clinic, left: Left, harm: Callable[[Clinic, Left], None], what: str
) -> None:
    harm(clinic, left)
    complaint = clinic.complaints()["ledger"]

    assert complaint.startswith("PROBLEM")
    assert matches(what, complaint), complaint


def test_an_older_mark_beside_a_newer_store_is_safe(clinic: Clinic, left: Left) -> None:
    shutil.copytree(left.young / "keeper", clinic.state.keeper, dirs_exist_ok=True)
    said = {each.check: each for each in clinic.examine()}

    assert said["ledger"].level is Level.OK
    assert said["ledger"].what.startswith(f"1 entries signed, {SENT + 2} more to be signed")


def test_who_may_read_what(clinic: Clinic) -> None:
    clinic.state.root.chmod(0o750)
    assert clinic.complaints()["folder"].startswith("WARNING others may look into")
    clinic.state.root.chmod(0o700)
    (clinic.state.keeper).chmod(0o755)
    assert matches("PROBLEM others may use.*keeper.*chmod 700", clinic.complaints()["folder"])
    clinic.state.keeper.chmod(0o700)
    clinic.state.audit_store.chmod(0o640)
    assert matches("PROBLEM others may use.*audit.db.*chmod 600", clinic.complaints()["folder"])


def test_a_configuration_that_is_not_understood(clinic: Clinic) -> None:
    clinic.say("calls = 4096", "cals = 4096")
    complaints = clinic.complaints()

    assert "did you mean calls" in complaints["configuration"]
    # What needs the configuration passes over it; the rest is looked at all the same.
    assert list(complaints) == ["configuration"]


def test_a_setting_that_is_no_default_is_named(clinic: Clinic) -> None:
    clinic.say("calls = 4096", "calls = 4095")
    said = {each.check: each.what for each in clinic.examine()}

    assert said["configuration"].endswith("other than by default: limits.calls")


@pytest.fixture
def held(clinic: Clinic) -> Iterator[Clinic]:
    """A folder that somebody uses."""
    with (clinic.state.root / "lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield clinic


def test_a_nats_server_that_was_left_behind(held: Clinic) -> None:
    assert "nothing listens" in held.complaints()["process"]


def test_a_nats_server_that_was_told_something_else(held: Clinic) -> None:
    conf = held.state.root / "run" / "nats-server.conf"
    told = json.loads(conf.read_text())
    told["jetstream"]["sync_interval"] = "2m"
    told["http"] = "0.0.0.0:8222"
    conf.write_text(json.dumps(told))
    assert matches(
        "PROBLEM it was told sync_interval 2m.*and http", held.complaints()["nats-server"]
    )

    conf.write_text("{")
    assert "cannot be read" in held.complaints()["nats-server"]


def test_more_connections_than_files(clinic: Clinic) -> None:
    clinic.say("\nconnections = 4096", "\nconnections = 900000")
    assert matches(
        "WARNING 16,384 files may be open.*LimitNOFILE", clinic.complaints()["open files"]
    )


def test_a_check_that_fails_is_a_finding(clinic: Clinic) -> None:
    class Broken(Well):
        def file_system(self, path: Path) -> str | None:
            raise PermissionError(13, "Permission denied", str(path))

    assert matches(
        "PROBLEM it could not be looked at.*Permission denied",
        clinic.complaints(Broken())["file system"],
    )
