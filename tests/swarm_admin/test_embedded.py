"""The bundled servers: started, shared, killed, started again."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from swarm_admin import embedded
from swarm_admin.embedded.paths import SOCKET_PATH_MAX
from swarm_admin.embedded.postgres import DATABASE, OWNER


@pytest.fixture
def var_dir(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "var"
    yield path
    embedded.release(path)
    embedded.stop(path)


def connect(var_dir: Path) -> psycopg.Connection:
    host = embedded.run_dir(var_dir) / "pg"
    return psycopg.connect(host=str(host), user=OWNER, dbname=DATABASE, autocommit=True)


def connect_redis(var_dir: Path) -> redis.Redis:
    return redis.Redis.from_url(embedded.redis_url(var_dir), socket_timeout=5)


def postgres_process(var_dir: Path) -> psutil.Process:
    return psutil.Process(int((var_dir / "postgres" / "postmaster.pid").read_text().split("\n")[0]))


def redis_process(var_dir: Path) -> psutil.Process:
    with connect_redis(var_dir) as client:
        return psutil.Process(client.info("server")["process_id"])


def is_alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def kill(process: psutil.Process) -> None:
    os.kill(process.pid, signal.SIGKILL)
    while is_alive(process):  # the kernel's answer comes at once; pytest-timeout bounds it
        pass


def test_addresses_are_computed_without_starting_anything(tmp_path: Path) -> None:
    var_dir = tmp_path / "absent"
    assert embedded.database_url(var_dir).endswith(f"?host={var_dir}/run/pg")
    assert embedded.redis_url(var_dir, 3) == f"unix://{var_dir}/run/redis.sock?db=3"
    assert not var_dir.exists()


def test_long_path_gets_a_short_socket_directory(tmp_path: Path) -> None:
    var_dir = tmp_path / ("deep" * 30)
    socket = embedded.run_dir(var_dir) / "pg" / ".s.PGSQL.5432.lock"
    assert len(os.fsencode(socket)) <= SOCKET_PATH_MAX
    assert embedded.run_dir(var_dir) == embedded.run_dir(var_dir)
    assert embedded.run_dir(var_dir) != embedded.run_dir(tmp_path / ("deep" * 31))


def test_data_survives_a_kill_of_both_servers(var_dir: Path) -> None:
    embedded.start(var_dir)
    with connect(var_dir) as connection:
        connection.execute("CREATE TABLE kept (id int)")
        connection.execute("INSERT INTO kept VALUES (7)")
    with connect_redis(var_dir) as client:
        client.rpush("queue", "a task")
    kill(postgres_process(var_dir))
    kill(redis_process(var_dir))

    embedded.start(var_dir)

    with connect(var_dir) as connection:
        assert connection.execute("SELECT id FROM kept").fetchall() == [(7,)]
    with connect_redis(var_dir) as client:
        assert client.lrange("queue", 0, -1) == [b"a task"]


def test_pid_file_that_names_a_stranger_does_not_stop_the_start(var_dir: Path) -> None:
    embedded.start(var_dir)
    kill(postgres_process(var_dir))
    pid_file = var_dir / "postgres" / "postmaster.pid"
    lines = pid_file.read_text().split("\n")
    pid_file.write_text("\n".join([str(os.getppid()), *lines[1:]]))

    embedded.start(var_dir)

    with connect(var_dir) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_interrupted_first_start_is_repeated(var_dir: Path) -> None:
    (var_dir / "postgres").mkdir(parents=True)
    (var_dir / "postgres" / "half").write_text("an initdb that was killed")
    embedded.start(var_dir)
    with connect(var_dir) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


ATTACH = "import sys; from swarm_admin import embedded; embedded.start(sys.argv[1]); "


def run_attached(var_dir: Path, then: str) -> str:
    command = [sys.executable, "-c", ATTACH + then, str(var_dir)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=250)
    return done.stdout.strip()


def test_one_who_merely_attached_stops_nothing(var_dir: Path) -> None:
    embedded.start(var_dir)
    before = postgres_process(var_dir).pid
    assert run_attached(var_dir, "print(embedded.release(sys.argv[1]))") == "False"
    assert postgres_process(var_dir).pid == before
    with connect_redis(var_dir) as client:
        assert client.ping()


def test_last_one_out_stops_both(var_dir: Path) -> None:
    embedded.start(var_dir)
    processes = [postgres_process(var_dir), redis_process(var_dir)]
    assert embedded.release(var_dir)
    assert not any(is_alive(process) for process in processes)


def test_killed_user_does_not_count(var_dir: Path) -> None:
    embedded.start(var_dir)
    subprocess.run([sys.executable, "-c", ATTACH + "import os; os.kill(os.getpid(), 9)", str(var_dir)], check=False)
    assert embedded.release(var_dir)


def test_sockets_open_for_their_owner_only(var_dir: Path) -> None:
    embedded.start(var_dir)
    run = embedded.run_dir(var_dir)
    for socket in (run / "redis.sock", run / "pg" / ".s.PGSQL.5432"):
        assert socket.stat().st_mode & 0o077 == 0
