"""``serve``: addresses, and the ways in which it does not start."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import pytest
import yaml

from tests.gateway.cli.command import run
from tests.gateway.conftest import password_login, site_config
from tests.gateway.raw_http import check
from tests.gateway.waiting import until
from tests.servers.gateway import COMMAND, ROOT, GatewayProcess, post
from tests.servers.mesibo import MesiboCloud
from tests.servers.process import free_port
from tests.servers.sms import SmsVendor

ANY = "127.0.0.1:0"


@pytest.fixture
def config(mesibo: MesiboCloud, sms: SmsVendor) -> dict[str, Any]:
    return site_config(mesibo, sms)


@pytest.fixture
def taken() -> Iterator[str]:
    """An address that somebody else listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_it_prints_the_addresses_it_listens_on(tmp_path: Path, config: dict[str, Any]) -> None:
    with GatewayProcess(tmp_path, config) as gateway:
        assert re.fullmatch(
            r"listening on http://127\.0\.0\.1:[1-9]\d*\n"
            r"admin on http://127\.0\.0\.1:[1-9]\d*\n",
            gateway.stdout,
        )
        assert "token" in check(post(gateway.url, password_login())).json
        assert gateway.stop() == 0
    assert gateway.stdout.count("\n") == 2


def test_options_override_the_file(tmp_path: Path, config: dict[str, Any], taken: str) -> None:
    config |= {"listen": taken, "admin": None}
    with GatewayProcess(
        tmp_path, config, command=[*COMMAND, "--listen", "localhost:0", "--admin", ANY]
    ) as gateway:
        assert gateway.url.startswith("http://localhost:")
        check(post(gateway.url, password_login()))
        assert post(gateway.admin_url, path="/readyz", method="GET").status == 200


def test_ipv6_address_is_printed_as_an_url(tmp_path: Path, config: dict[str, Any]) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    command = [*COMMAND, "--listen", "[::1]:0"]
    with GatewayProcess(tmp_path, {**config, "admin": None}, command=command) as gateway:
        assert gateway.url.startswith("http://[::1]:")
        check(post(gateway.url, password_login()))
    assert "admin" not in gateway.stdout


def test_repeated_signals_make_no_crash_of_an_orderly_end(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    with GatewayProcess(tmp_path, config) as gateway:
        for _ in range(300):  # at all stages of its end
            os.kill(gateway.pid, signal.SIGTERM)
            time.sleep(0.0002)
        assert gateway.stop() == 0


def ignores_hangup(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    ignored = re.search(r"SigIgn:\s*([0-9a-f]+)", status)
    return ignored is not None and bool(int(ignored[1], 16) >> (signal.SIGHUP - 1) & 1)


class Silent(NamedTuple):
    """A gateway whose addresses are known, as it may not be able to tell them."""

    config_file: Path
    admin: str

    def is_ready(self) -> bool:
        try:
            return post(f"http://{self.admin}", path="/readyz", method="GET").status == 200
        except ConnectionError:
            return False


@pytest.fixture(params=[1, 2])
def silent(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    config: dict[str, Any],
    shared: dict[str, Any],
) -> Silent:
    admin = f"127.0.0.1:{free_port()}"
    keys = {**config, **shared, "admin": admin, "workers": request.param}
    return Silent(GatewayProcess(tmp_path, keys).config_file, admin)


@contextlib.contextmanager
def started(
    config_file: Path, stdout: IO[str] | int | None = None, shell: Sequence[str] = ()
) -> Iterator[subprocess.Popen[str]]:
    """A gateway whose standard output is somewhere else."""
    command = [*shell, *COMMAND, "--config", str(config_file)]
    with subprocess.Popen(command, cwd=ROOT, stdout=stdout, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_reload_asked_for_at_the_start_does_not_end_it(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    file = GatewayProcess(tmp_path, config).config_file
    with started(file, subprocess.PIPE) as process:
        assert process.stdout is not None
        until(lambda: ignores_hangup(process.pid))
        process.send_signal(signal.SIGHUP)
        assert process.stdout.readline().startswith("listening on http://")
        process.terminate()
        assert process.wait(20) == 0


def test_full_disk_does_not_keep_it_from_starting(silent: Silent) -> None:
    with Path("/dev/full").open("w") as full, started(silent.config_file, full) as process:
        until(silent.is_ready, 20)
        process.terminate()
        process.wait(20)


def test_it_starts_with_nothing_open(silent: Silent) -> None:
    closed = ("bash", "-c", 'exec "$@" <&- >&- 2>&-', "-")
    with started(silent.config_file, shell=closed) as process:
        until(silent.is_ready, 20)
        process.terminate()
        assert process.wait(20) == 0


@pytest.mark.parametrize("option", ["--listen", "--admin"])
def test_address_in_use_is_told(tmp_path: Path, taken: str, option: str) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(
        f"listen: {ANY}\nadmin: {ANY}\nissuer: {{type: sandbox}}\napps: {{'*': {{}}}}\n"
        "providers: {staff: {type: insecure_example, config: {users: {ann: secret}}}}\n"
    )
    ended = run("serve", "--config", str(file), option, taken)
    assert ended.returncode == 1
    assert "cannot listen: " in ended.stdout
    assert taken.rpartition(":")[2] in ended.stdout
    assert "address already in use" in ended.stdout
    assert "listening on" not in ended.stdout
    assert "Traceback" not in ended.stderr


def test_broken_configuration_is_refused_with_places(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(yaml.safe_dump({**config, "listn": ANY, "workers": "two"}, sort_keys=False))
    ended = run("serve", env={"GATEWAY_CONFIG": str(file)})
    assert (ended.returncode, ended.stderr) == (1, "")
    places = [
        re.match(rf"{re.escape(str(file))}:\d+:\d+: (\w+): .", line)
        for line in ended.stdout.splitlines()
    ]
    assert [place and place[1] for place in places] == ["listn", "workers"]
