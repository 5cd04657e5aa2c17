"""A real Postfix on a free port: STARTTLS and AUTH are required, mails are kept in Maildirs.

It takes root, if need be by sudo, and what requirements/debian.txt names.
"""

from __future__ import annotations

import mailbox
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from email.message import Message
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

from tests.servers.process import free_port
from tests.servers.tls import CertificateFiles

USER: Final = "gw"
PASSWORD: Final = "mail-secret"
SENDER: Final = "no-reply@example.test"  # the one address that USER may send under
IDLE: Final = 2  # seconds after which a client that says nothing is left

NOBODY: Final = 65534
SCRIPT: Final = Path(__file__).with_suffix(".sh")

MAIN: Final = """\
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file_prefixes = /
maillog_file = {folder}/maillog
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = localhost
mydestination =
mynetworks =
alias_maps =
alias_database =
default_transport = error:no outside mail
virtual_mailbox_domains = example.test
virtual_mailbox_base = {folder}/box
virtual_mailbox_maps = inline:{{ ann@example.test=ann/, bob@example.test=bob/ }}
virtual_minimum_uid = {owner}
virtual_uid_maps = static:{owner}
virtual_gid_maps = static:{owner}
smtpd_tls_security_level = encrypt
smtpd_tls_cert_file = {tls.certificate}
smtpd_tls_key_file = {tls.private_key}
smtpd_sasl_auth_enable = yes
smtpd_sasl_local_domain = localhost
smtpd_sasl_mechanism_filter = plain, login
smtpd_sender_login_maps = inline:{{ {sender}={user}@localhost }}
smtpd_sender_restrictions = reject_authenticated_sender_login_mismatch
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions =
    check_recipient_access inline:{{ {{ later@example.test = 450 4.7.1 Greylisted }} }}
smtpd_timeout = {idle}s
smtputf8_enable = no
"""

MASTER: Final = """\
127.0.0.1:{port} inet n - y - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
"""

T = TypeVar("T")


class Postfix:
    """``with Postfix(authority.files()) as server``."""

    def __init__(self, tls: CertificateFiles) -> None:
        self.port = free_port()
        # Not in a folder of pytest's: Postfix's own users could not look into it.
        self._folder = Path(tempfile.mkdtemp(prefix="postfix-"))
        self._folder.chmod(0o755)
        self._process: subprocess.Popen[bytes] | None = None
        box = self._folder / "box"
        box.mkdir()
        owner = os.getuid() or NOBODY
        os.chown(box, owner, -1)
        (self._folder / "conf").mkdir()
        main = MAIN.format(
            folder=self._folder, tls=tls, owner=owner, idle=IDLE, sender=SENDER, user=USER
        )
        (self._folder / "conf/main.cf").write_text(main)
        (self._folder / "conf/master.cf").write_text(MASTER.format(port=self.port))

    def start(self) -> Self:
        root = ["sudo", "-n"] if os.getuid() else []
        with (self._folder / "output").open("wb") as output:
            self._process = subprocess.Popen(
                [*root, str(SCRIPT), str(self._folder), USER, PASSWORD],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # it ends with its standard input, not with a signal
            )
        self.poll(lambda: "daemon started" in self.log, "start of Postfix", 30)
        return self

    def close(self) -> None:
        if self._process is not None:
            self._process.communicate(timeout=30)
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def log(self) -> str:
        """The mail log."""
        file = self._folder / "maillog"
        return file.read_text() if file.exists() else ""

    def mail(self, person: str, message_id: str) -> Message:
        """Wait for one mail, as an operator would look for it: by the log."""
        queued = self.poll(
            lambda: re.search(rf"(\w+): message-id=<{re.escape(message_id)}>", self.log), "mail"
        )
        self.poll(lambda: f"{queued[1]}: removed" in self.log, "end of its delivery")
        box = mailbox.Maildir(self._folder / "box" / person, create=False)
        (found,) = (mail for mail in box if mail["Message-ID"] == f"<{message_id}>")
        return found

    def poll(self, look: Callable[[], T | None], what: str, timeout: float = 10.0) -> T:
        """Return what ``look`` finds, sooner or later."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if found := look():
                return found
            if self._process is None or self._process.poll() is not None:
                break
            time.sleep(0.02)
        output = (self._folder / "output").read_text(errors="replace")
        raise RuntimeError(f"no {what}:\n{output}\n{self.log[-2500:]}")
