"""Where the bundled servers keep their data and sockets, and whose those are."""

import contextlib
import hashlib
import os
import pwd
import stat
from pathlib import Path

SOCKET_PATH_MAX = 107  # bytes, Linux: sockaddr_un.sun_path without its closing zero
PATIENCE_SECONDS = 30.0  # recovery after a crash replays a log; a clean start takes about a second


class ServerFailed(RuntimeError):
    """A bundled server did not start; the message is one sentence and names its log."""


def run_dir(var_dir: Path) -> Path:
    """Where the sockets are: inside `var_dir`, or in a short private directory when that path is too long."""
    usual = Path(var_dir).resolve() / "run"
    longest = usual / "pg" / ".s.PGSQL.5432.lock"
    if len(os.fsencode(longest)) <= SOCKET_PATH_MAX:
        return usual
    digest = hashlib.sha256(os.fsencode(usual)).hexdigest()[:12]
    return Path("/tmp") / f"swarm-{os.geteuid()}-{digest}"  # noqa: S108 - `prepare` refuses a stranger's


def prepare_directories(var_dir: Path) -> None:
    run = run_dir(var_dir)
    for path in (var_dir, var_dir / "redis", run):
        path.mkdir(parents=True, exist_ok=True)
    if run.stat().st_uid != os.geteuid():
        raise ServerFailed(f"{run} belongs to another user. Set VAR_DIR to a shorter path of your own.")
    run.chmod(0o711)
    uid, gid = postgres_account(var_dir)
    for path in (var_dir / "postgres", run / "pg"):
        if not path.exists():
            path.mkdir(mode=0o700)
        if path.stat().st_uid != uid:
            os.chown(path, uid, gid)
    if uid != os.geteuid():
        for path in (var_dir / "postgres", run / "pg"):
            allow_traversal(path)


def postgres_account(var_dir: Path) -> tuple[int, int]:
    """Who runs PostgreSQL: ourselves, or for root (which PostgreSQL refuses) an account without rights."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    data = var_dir / "postgres"
    if data.exists() and data.stat().st_uid != 0:
        return data.stat().st_uid, data.stat().st_gid
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return entry.pw_uid, entry.pw_gid
    raise ServerFailed("PostgreSQL can't run as root, and there is no postgres or nobody account to run it as.")


def allow_traversal(path: Path) -> None:
    """Let the account walk through the directories above `path`: execute only, not read."""
    for parent in path.resolve().parents:
        mode = stat.S_IMODE(parent.stat().st_mode)
        if not mode & stat.S_IXOTH:
            parent.chmod(mode | stat.S_IXOTH)
