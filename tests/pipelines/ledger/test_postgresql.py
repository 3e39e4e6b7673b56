"""PostgreSQL's ledger: many jobs and hosts in one database, and connections that break at the worst moment."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator

import psycopg
import pytest

from detect.errors import ConfigError, DeviceError
from detect.types import ItemState
from pipelines.ledger.opening import open_ledger
from pipelines.ledger.postgresql import PostgresLedger
from pipelines.ledger.postgresql_schema import VERSION
from tests.pipelines.ledger.proxy import Proxy
from tests.pipelines.ledger.recipes import consistent, entries, entry, facts, leased, numbers, result
from tests.pipelines.ledger.servers import Server, drop_connections, free_port, fresh_database
from tests.pipelines.processes import until


@pytest.fixture
def job() -> str:
    return str(uuid.uuid4())


@pytest.fixture
def database(server: Server) -> Iterator[str]:
    """A database with nothing in it."""
    with fresh_database(server) as name:
        yield name


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    with Proxy(server.port) as proxy:
        yield proxy


def test_jobs_know_nothing_of_each_other(server: Server, job: str) -> None:
    one, two = PostgresLedger(server.url(), job), PostgresLedger(server.url(), job + "-2")
    one.begin(facts(job))
    two.begin(facts(job + "-2", triage=True))
    one.add([entry("a", "same", spool="1"), entry("b", "same", spool="2")])
    assert two.add([entry("a", "same", spool="1")]) == (1, ())
    two.complete_inventory()
    assert not one.counts().inventory_complete
    assert [lease.stage for lease in leased(one, "owner")] == ["full"]
    assert [lease.stage for lease in leased(two, "owner")] == ["look"]
    assert two.recover("other", alone=True) == 1
    assert (one.counts().leased, two.counts().leased) == (1, 0)
    assert one.copies() == two.copies() == {"1"}
    one.close()
    two.close()


def test_many_may_be_the_first(server: Server, database: str, job: str) -> None:
    begun: list[str] = []

    def begin(number: int) -> None:
        ledger = PostgresLedger(server.url(database), job)
        begun.append(ledger.begin(facts(f"{number}")).id)
        ledger.close()

    threads = [threading.Thread(target=begin, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(begun) == 6
    assert len(set(begun)) == 1


def test_a_newer_schema_is_left_alone(server: Server, database: str, job: str) -> None:
    PostgresLedger(server.url(database), job).close()
    with psycopg.connect(server.url(database)) as db:
        db.execute("UPDATE unmask.version SET number = %s", (VERSION + 1,))
    with pytest.raises(ConfigError, match=f"newer unmask .schema {VERSION + 1}"):
        PostgresLedger(server.url(database), job)


def test_what_others_made_is_left_alone(server: Server, database: str, job: str) -> None:
    with psycopg.connect(server.url(database)) as db:
        db.execute("CREATE SCHEMA unmask; CREATE TABLE unmask.items (id INTEGER)")
    with pytest.raises(ConfigError, match="already exists"):
        PostgresLedger(server.url(database), job)
    with psycopg.connect(server.url(database)) as db:
        assert db.execute("SELECT to_regclass('unmask.version'), to_regclass('unmask.jobs')").fetchone() == (None, None)


def test_who_may_not_make_tables_is_told(server: Server, database: str, job: str) -> None:
    role = f"r{uuid.uuid4().hex}"
    with psycopg.connect(server.url(), autocommit=True) as db:
        db.execute(f"CREATE ROLE {role} LOGIN".encode())
    with pytest.raises(ConfigError, match="permission denied"):
        PostgresLedger(server.url(database).replace("unmask@", f"{role}@"), job)


def test_text_that_is_not_utf_8_is_refused(server: Server, job: str) -> None:
    name = f"d{uuid.uuid4().hex}"
    with psycopg.connect(server.url(), autocommit=True) as db:
        db.execute(f"CREATE DATABASE {name} ENCODING 'LATIN1' TEMPLATE template0".encode())
    with pytest.raises(ConfigError, match="LATIN1"):
        PostgresLedger(server.url(name), job)


@pytest.mark.parametrize("address", ["postgresql://user:s3cret@[host/x", "postgresql://a@b/c?s3cret=1"])
def test_what_is_no_address_is_told_without_its_password(address: str) -> None:
    with pytest.raises(ConfigError, match="address") as caught:
        open_ledger(address, "job")
    assert "s3cret" not in str(caught.value)


def test_a_server_that_is_not_there(job: str) -> None:
    with pytest.raises(DeviceError, match="failed"):
        PostgresLedger(f"postgresql://unmask:s3cret@127.0.0.1:{free_port()}/x", job, patience=0.2)


def test_psycopg_may_be_missing() -> None:
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from detect.errors import ConfigError\n"
        "from pipelines.ledger.opening import open_ledger\n"
        "try: open_ledger('postgresql://host/x', 'job')\n"
        "except ConfigError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'unmask[postgresql]'" in done.stdout


def test_connections_that_are_dropped_between_calls(server: Server, job: str) -> None:
    ledger = PostgresLedger(server.url(), job)

    def dropped() -> PostgresLedger:
        assert drop_connections(server) >= 1
        return ledger

    dropped().begin(facts(job))
    assert dropped().add([*entries(3), entry("b", "clip 1.mov", spool="x")]) == (4, ("x",))
    one, two, three = leased(dropped(), "a")
    dropped().renew("a", 60)
    assert dropped().finish(one, result())
    assert not dropped().finish(one, result())
    dropped().release(two)
    assert not dropped().fail(three, ItemState.CRASHED, "signal", "")
    assert numbers(leased(dropped(), "a", 1)) == [2]
    assert dropped().recover("b", alone=True) == 1
    assert dropped().counts().pending == 2
    assert len(list(dropped().items())) == 4
    assert dropped().item(1).result == result()
    dropped().complete_inventory()
    assert consistent(dropped()).inventory_complete
    ledger.close()


def test_a_server_that_crashes_and_comes_back(server: Server, job: str) -> None:
    ledger = PostgresLedger(server.url(), job)
    ledger.begin(facts(job))
    ledger.add(entries(2))
    one, two = leased(ledger, "a")
    assert ledger.finish(one, result())
    server.stop(signal.SIGQUIT)
    trying = threading.Thread(target=ledger.finish, args=(two, result()))
    trying.start()
    server.start()
    trying.join()
    assert not ledger.finish(two, result(flagged=True))
    assert dict(consistent(ledger).final) == {ItemState.EXAMINED: 2}
    ledger.close()


def test_a_server_that_stays_away_is_given_up(server: Server, proxy: Proxy, job: str) -> None:
    ledger = PostgresLedger(server.url(port=proxy.port), job, patience=0.5)
    ledger.begin(facts(job))
    ledger.add(entries(1))
    proxy.refuse()
    with pytest.raises(DeviceError):
        ledger.counts()
    with pytest.raises(DeviceError):
        leased(ledger)
    proxy.admit()
    assert numbers(leased(ledger)) == [1]
    ledger.close()


@pytest.mark.parametrize("arrives", [True, False])
def test_a_commit_without_an_answer(server: Server, proxy: Proxy, job: str, *, arrives: bool) -> None:
    """Cut off right before or right after the COMMIT got through, every step is done exactly once."""
    ledger = PostgresLedger(server.url(port=proxy.port), job)

    def cut() -> PostgresLedger:
        assert not proxy.armed
        proxy.cut_at_commit(arrives=arrives)
        return ledger

    assert cut().begin(facts(job)) == facts(job)
    assert cut().add([*entries(4), entry("copy", "clip 1.mov", spool="x")]) == (5, ("x",))
    one, two, three = leased(cut(), "a", 3)
    assert [lease.attempt for lease in (one, two, three)] == [1, 1, 1]
    assert consistent(ledger).leased == 3  # none was given to nobody
    assert cut().finish(one, result(flagged=True))
    assert not cut().finish(one, result())
    assert not cut().fail(two, ItemState.CRASHED, "signal", "")
    assert ledger.item(2).attempts == 1  # charged once
    cut().release(three)
    assert ledger.item(3).attempts == 0
    leased(cut(), "b", 2)
    assert cut().recover("c", alone=True) == 2
    assert [item.orphaned for item in ledger.items()] == [0, 1, 1, 0, 0]
    cut().complete_inventory()
    counts = consistent(ledger)
    assert (counts.flagged, counts.pending, counts.inventory_complete) == (1, 3, True)
    assert proxy.num_cuts == 10
    ledger.close()


def test_a_commit_without_an_answer_at_a_look(server: Server, proxy: Proxy, job: str) -> None:
    ledger = PostgresLedger(server.url(port=proxy.port), job)
    ledger.begin(facts(job, triage=True))
    ledger.add(entries(1))
    (lease,) = leased(ledger)
    proxy.cut_at_commit(arrives=True)
    assert ledger.looked(lease, 1.0)
    assert proxy.num_cuts == 1
    assert consistent(ledger).looked == 1
    ledger.close()


def test_a_deadlock_is_begun_anew(server: Server, job: str) -> None:
    """Someone else's transaction takes two locks in the other order."""
    ledger = PostgresLedger(server.url(), job)
    ledger.begin(facts(job))
    ledger.add(entries(1))
    waiting = threading.Thread(target=ledger.add, args=(entries(3),))
    with psycopg.connect(server.url()) as db:
        # Whoever looks for a deadlock first gives way: not this one.
        db.execute("SET deadlock_timeout = '1min'")
        db.execute(
            "SELECT 1 FROM unmask.tally WHERE job = (SELECT number FROM unmask.jobs WHERE id = %s) FOR UPDATE", (job,)
        )
        waiting.start()
        with psycopg.connect(server.url(), autocommit=True) as watch:
            asked = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'unmask'"
            assert until(lambda: watch.execute(asked).fetchone() is not None, 10)
        db.execute("SELECT 1 FROM unmask.jobs WHERE id = %s FOR UPDATE", (job,))
    waiting.join()
    assert consistent(ledger).found == 3
    ledger.close()
