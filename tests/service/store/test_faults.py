"""A database that is locked, damaged, full, read-only, or gone for a while: what is said, and that it comes back."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, text, update

from detect.errors import ConfigError
from service.problems import StorageFull, Unavailable
from service.store import database as module
from service.store.database import Store
from service.store.schema import people
from tests.pipelines.ledger.proxy import Proxy
from tests.pipelines.ledger.servers import Server, drop_connections
from tests.service.store.desk import Desk, leased, queue, result


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program holds the file's write lock."""
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as db:
        db.execute("BEGIN IMMEDIATE")
        yield
        db.execute("ROLLBACK")


# A file.


def test_a_writer_waits_for_another_and_reading_goes_on(file: Path) -> None:
    with closing(Store.open(file)) as store:
        desk = Desk(store)
        job = desk.hand_in("a")
        with locked(file):
            writer = threading.Thread(target=desk.hand_in, args=("b",))
            writer.start()
            assert desk.status(job) == "queued"  # read meanwhile
            time.sleep(0.3)
            assert len(desk.given) == 1
        writer.join(30)
        assert len(desk.given) == 2


def test_a_lock_that_is_held_long_is_told_and_then_all_is_well(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BUSY_SECONDS", 0.2)
    with closing(Store.open(file)) as store:
        desk = Desk(store)
        with locked(file), pytest.raises(Unavailable) as caught:
            desk.hand_in("a")
        assert caught.value.retry_after_seconds
        assert desk.status(desk.hand_in("a")) == "queued"
        assert desk.num_examinations() == 1


def test_a_damaged_page_is_found_when_it_is_opened(file: Path) -> None:
    with closing(Store.open(file)) as store:
        Desk(store).many(2_000, priority=0)
    size = file.stat().st_size
    with file.open("r+b") as pages:
        for page in range(size // 4096 // 2, size // 4096):
            pages.seek(page * 4096)
            pages.write(b"\xa5" * 4096)
    with pytest.raises(ConfigError, match=r"damaged .*put back a copy.*\.recover"):
        Store.open(file)


def test_damage_that_shows_while_it_is_used_is_named(file: Path) -> None:
    with closing(Store.open(file)) as store:
        Desk(store).many(2_000, priority=0)
    with closing(Store.open(file)) as store:
        with closing(sqlite3.connect(file)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = file.stat().st_size
        with file.open("r+b") as pages:
            pages.seek(4096)
            pages.write(b"\xa5" * (size - 4096))
        with pytest.raises(ConfigError, match="damaged"), store.read() as db:
            db.execute(text("SELECT * FROM evidence ORDER BY num_bytes")).all()


def test_a_cut_off_file_is_refused(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)
    with pytest.raises(ConfigError, match="damaged"):
        Store.open(file)


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes nobody, which only root may")
def test_a_file_that_may_not_be_written_is_told(file: Path) -> None:
    for folder in (file.parent, *file.parent.parents):
        if folder == Path("/tmp"):
            break
        folder.chmod(folder.stat().st_mode | 0o055)
    file.chmod(0o644)
    os.seteuid(65534)
    try:
        with pytest.raises(ConfigError, match="writing"), closing(Store.open(file)) as store, store.write() as db:
            db.execute(update(people).values(name="x"))
    finally:
        os.seteuid(0)
    Store.open(file).close()


def test_a_full_disk_is_told_and_nothing_is_changed(file: Path) -> None:
    with closing(Store.open(file)) as store:
        desk = Desk(store)
        with store.read() as db:
            pages = int(db.scalar(text("PRAGMA page_count")) or 0)

        def fill(db: Connection) -> None:
            db.execute(text(f"PRAGMA max_page_count = {pages + 2}"))
            for number in range(100):
                db.execute(people.insert().values(id=f"{number}", name="x" * 4_000, created_at=0.0))

        with pytest.raises(StorageFull) as caught:
            store.repeat(fill)
        assert caught.value.retry_after_seconds
    with closing(Store.open(file)) as store, store.read() as db:
        assert db.scalars(select(people.c.id)).all() == [desk.person]


def test_the_log_of_a_file_does_not_grow_without_end(file: Path) -> None:
    """With readers that come and go SQLite writes its log back; it is used again from its beginning."""
    with closing(Store.open(file)) as store:
        desk = Desk(store)
        wal = file.with_name(file.name + "-wal")
        sizes = []
        for _ in range(6):
            for number in range(60):
                with store.write() as db:
                    db.execute(update(people).values(name=f"{number}" * 1_000))
            assert desk.num_examinations() == 0
            sizes.append(wal.stat().st_size)
        assert sizes[-1] <= 1.5 * sizes[1] + 1_000_000


def test_one_process_writes_from_many_threads(file: Path) -> None:
    """As many as the API has threads; nobody is left waiting until the database counts as locked."""
    with closing(Store.open(file)) as store:
        desk = Desk(store)
        errors: list[BaseException] = []
        slowest: list[float] = []

        def ask(name: str) -> None:
            try:
                for number in range(5):
                    began = time.monotonic()
                    desk.hand_in(f"{name} {number}")
                    slowest.append(time.monotonic() - began)
            except BaseException as error:  # noqa: BLE001 - shown below
                errors.append(error)

        threads = [threading.Thread(target=ask, args=(f"{number}",)) for number in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        assert not errors
        assert len(desk.given) == 200
        assert max(slowest) < 15


# A server.


def test_connections_that_are_ended_between_transactions_are_made_again(server: Server, served: Store) -> None:
    desk = Desk(served)
    job = desk.hand_in("a")
    for _ in range(3):
        assert drop_connections(server)
        assert desk.status(job) == "queued"


def test_a_connection_that_is_ended_within_a_transaction_undoes_it(server: Server, served: Store) -> None:
    desk = Desk(served)

    def change() -> None:
        with served.write() as db:
            db.execute(update(people).values(name="changed"))
            drop_connections(server)
            db.execute(update(people).values(name="changed again"))

    with pytest.raises(Unavailable) as caught:
        change()
    assert caught.value.retry_after_seconds
    with served.read() as db:
        assert db.scalar(select(people.c.name)) == "somebody"
    assert desk.status(desk.hand_in("a")) == "queued"


def test_a_step_whose_connection_is_ended_is_done_again_and_once(server: Server, served: Store) -> None:
    desk, tries = Desk(served), list[int]()

    def step(db: Connection) -> str:
        tries.append(1)
        db.execute(people.insert().values(id="p", name="n", created_at=0.0))
        if len(tries) == 1:
            drop_connections(server)
        return str(db.scalar(select(people.c.name).where(people.c.id == "p")))

    assert served.repeat(step) == "n"
    assert len(tries) == 2
    assert desk.status(desk.hand_in("a")) == "queued"


@pytest.mark.parametrize("arrives", [False, True])
def test_a_connection_that_is_cut_at_the_commit_is_told(server: Server, database: str, arrives: bool) -> None:
    """Whether it was committed nobody can know; the lease makes sure that a result counts once all the same."""
    with Proxy(server.port) as proxy:
        Store.open(server.url(database), migrate=True).close()
        with closing(Store.open(server.url(database, proxy.port))) as store:
            desk = Desk(store)
            job = desk.hand_in("a")
            work = queue(store)
            (lease,) = leased(work)
            proxy.cut_at_commit(arrives=arrives)
            assert work.finish(lease, result()) is not arrives  # done again: it had ended already where it arrived
            assert proxy.num_cuts == 1
            assert (desk.status(job), desk.kinds(job)) == ("done", ["created", "started", "finished"])


def test_a_deadlock_and_a_lost_serialization_are_repeated(served: Store) -> None:
    with served.write() as db:
        for name in ("a", "b"):
            db.execute(people.insert().values(id=name, name="0", created_at=0.0))
    meet, tries = threading.Barrier(2), list[str]()

    def swap(first: str, second: str) -> None:
        def step(db: Connection) -> None:
            tries.append(first)
            db.execute(update(people).where(people.c.id == first).values(name=first))
            if len(tries) <= 2:
                meet.wait(30)
            db.execute(update(people).where(people.c.id == second).values(name=first))

        served.repeat(step)

    threads = [threading.Thread(target=swap, args=pair) for pair in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(tries) == 3
    raised = iter(["40001"])

    def lost(db: Connection) -> str:
        for code in raised:
            db.execute(text(f"DO $$ BEGIN RAISE SQLSTATE '{code}'; END $$"))
        return "done"

    assert served.repeat(lost) == "done"


def test_what_loses_again_and_again_is_told(served: Store) -> None:
    with pytest.raises(Unavailable) as caught:
        served.repeat(lambda db: db.execute(text("DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$")))
    assert caught.value.retry_after_seconds


def test_a_server_that_only_reads_is_told(served: Store) -> None:

    def change(db: Connection) -> None:
        db.execute(text("SET TRANSACTION READ ONLY"))
        db.execute(update(people).values(name="x"))

    with pytest.raises(Unavailable):
        served.repeat(change)


def test_a_pool_without_a_free_connection_is_told(
    server: Server, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_POOL", 1)
    monkeypatch.setattr(module, "_OVERFLOW", 0)
    monkeypatch.setattr(module, "_POOL_SECONDS", 0.2)
    with closing(Store.open(server.url(database), migrate=True)) as store:
        with store.read(), pytest.raises(Unavailable) as caught, store.read():
            pass
        assert caught.value.retry_after_seconds
        Desk(store).hand_in("a")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
def test_a_server_that_is_restarted(server: Server, served: Store, how: signal.Signals) -> None:
    desk, work = Desk(served), queue(served)
    job = desk.hand_in("a")
    (lease,) = leased(work)
    server.stop(how)
    try:
        for ask in (lambda: desk.status(job), lambda: work.finish(lease, result()), lambda: desk.hand_in("b")):
            with pytest.raises(Unavailable) as caught:
                ask()
            assert caught.value.retry_after_seconds
    finally:
        server.start()
    assert desk.status(job) == "running"
    assert work.finish(lease, result())
    assert desk.status(job) == "done"
