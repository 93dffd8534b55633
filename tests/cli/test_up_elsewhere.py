"""`aether up` over servers that somebody else runs, on a small disk, and watched for a while."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ValkeyServer
from tests.running import clean_environment, free_port, installed_system, processes_of

pytestmark = pytest.mark.slow


def test_external_servers_replace_the_embedded_ones(
    tmp_path: Path, database_url: str, valkey: ValkeyServer
) -> None:
    with installed_system(
        tmp_path / "home", AETHER_DATABASE_URL=database_url, AETHER_REDIS_URL=valkey.url
    ) as system:
        system.up()
        status = system.status()
        assert status["healthy"], status
        names = {process["name"] for process in status["processes"]}
        assert names == {"migrate", "gateway:gateway-1", "writer:writer-1", "forecaster"}
        with system.http(system.admin) as http:
            assert http.get("/auth/me").is_success
        system.down()
        assert processes_of(system.home) == {}
        assert not (system.home / "valkey").exists()
        assert not (system.home / "postgres").exists()


def test_a_refused_password_is_named(tmp_path: Path, database_url: str) -> None:
    user, _, rest = database_url.partition("://")[2].partition("@")
    wrong = f"postgresql://{user.partition(':')[0]}:WRONG-SECRET@{rest}"
    with installed_system(tmp_path / "home", AETHER_DATABASE_URL=wrong) as system:
        done = system.run("up")
        assert done.returncode == 1
        assert "PostgreSQL refuses AETHER_DATABASE_URL" in done.stderr
        assert "WRONG-SECRET" not in done.stdout + done.stderr
        assert processes_of(system.home) == {}


def test_a_process_with_a_wrong_password_says_so_and_ends(
    tmp_path: Path, database_url: str, valkey: ValkeyServer
) -> None:
    """A process that cannot work ends with the status of a wrong set-up and one clear line."""
    wrong = valkey.url.replace("unix://:", "unix://:WRONG-SECRET")
    done = subprocess.run(
        [sys.executable, "-m", "aether_cli", "run", "writer"],
        env=clean_environment(
            AETHER_HOME=str(tmp_path / "home"),
            AETHER_DATABASE_URL=database_url,
            AETHER_REDIS_URL=wrong,
        ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 78
    assert "refuses the password in AETHER_REDIS_URL" in done.stderr
    assert "WRONG-SECRET" not in done.stderr


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    namespace = ["--mount"] if os.getuid() == 0 else ["--mount", "--map-root-user"]
    done = subprocess.run(
        ["unshare", *namespace, "sh", "-c",
         'mount -t tmpfs -o size=64m none "$AETHER_HOME" && exec "$0" -m aether_cli up',
         sys.executable],
        env=clean_environment(AETHER_HOME=str(home), AETHER_PORT=str(free_port())),
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "MB are free at" in done.stderr
    assert "make room or set AETHER_HOME" in done.stderr
    assert processes_of(home) == {}


def test_a_home_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    """Root could work anywhere, but would leave files that the owner cannot use."""
    home = tmp_path / "home"
    if os.getuid() == 0:
        home.mkdir()
        os.chown(home, 65534, 65534)
        said = "start Aether as that user"
    else:
        home = Path("/usr")
        said = "You may not write to /usr"
    with installed_system(home) as system:
        done = system.run("up")
        assert done.returncode == 1
        assert said in done.stderr
        assert processes_of(home) == {} or home == Path("/usr")


def test_status_is_watched_line_by_line(tmp_path: Path) -> None:
    with installed_system(tmp_path / "home") as system:
        system.up()
        watch = subprocess.Popen(
            [sys.executable, "-m", "aether_cli", "status", "--watch"],
            env=clean_environment(**system.environment),
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert watch.stdout is not None
            for _second in range(2):
                line = watch.stdout.readline()
                assert "backlog" in line
                assert "healthy" in line
        finally:
            watch.terminate()
            watch.communicate()
