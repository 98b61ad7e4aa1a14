"""The ground itself: a private Redis, and an RQ that works on it."""

import pytest
import redis
from rq import Queue, SimpleWorker


@pytest.mark.old_rq
def test_rq_runs_its_own_job(r):
    queue = Queue("ground", connection=r)
    job = queue.enqueue("builtins.pow", 2, 10)

    SimpleWorker([queue], connection=r).work(burst=True)

    job.refresh()
    assert job.get_status() == "finished"
    assert job.return_value() == 1024


@pytest.mark.old_rq
def test_port_and_socket_lead_to_the_same_redis(redis_server, r):
    r.set("seen", "from the port")

    with redis.Redis.from_url(redis_server.unix_url) as other:
        assert other.get("seen") == b"from the port"
        assert other.info("server")["process_id"] == redis_server.pid


@pytest.mark.old_rq
def test_each_test_begins_with_an_empty_redis(r):
    assert r.keys("*") == []
