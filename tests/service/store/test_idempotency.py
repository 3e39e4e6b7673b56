"""Idempotency keys, on both databases: two at a time, another request, another day, another person."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from service.problems import Conflict
from service.store import keys
from service.store.database import Store
from service.store.idempotency import KEPT_SECONDS, claim, remembered


def person(store: Store, name: str = "Ada") -> str:
    with store.write() as db:
        return keys.add_person(db, name, now=1.0)


def test_of_two_at_a_time_one_makes_the_job(store: Store) -> None:
    ada = person(store)
    together = threading.Barrier(4)

    def one(job: str) -> str:
        together.wait(10)
        with store.write() as db:
            return claim(db, ada, "a key", "the same", job, now=10.0)

    with ThreadPoolExecutor(4) as pool:
        made = set(pool.map(one, ("job_1", "job_2", "job_3", "job_4")))
    assert len(made) == 1
    with store.read() as db:
        assert remembered(db, ada, "a key", "the same", now=11.0) in made


def test_a_key_is_of_one_request_one_day_and_one_person(store: Store) -> None:
    ada, grace = person(store), person(store, "Grace")
    with store.write() as db:
        assert claim(db, ada, "a key", "this", "job_1", now=10.0) == "job_1"
        assert claim(db, grace, "a key", "that", "job_2", now=10.0) == "job_2"
        assert claim(db, ada, "a key", "this", "job_3", now=11.0) == "job_1"
        with pytest.raises(Conflict):
            claim(db, ada, "a key", "that", "job_4", now=11.0)
        assert remembered(db, ada, "a key", None, now=11.0) == "job_1"
        assert remembered(db, ada, "a key", None, now=10.0 + KEPT_SECONDS) is None
        assert claim(db, ada, "a key", "that", "job_5", now=10.0 + KEPT_SECONDS) == "job_5"
