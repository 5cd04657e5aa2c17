"""The pages of docs/directories/, with the names of a server that runs here."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import yaml

from tests import pages
from tests.servers.configs import Config
from tests.servers.mesibo import MesiboCloud

SERVICE_PASSWORD: Final = "service-Passw0rd"
_FOLDER: Final = pages.ROOT / "docs" / "directories"


class Place(NamedTuple):
    """Where a directory is, and who signed its certificate."""

    url: str
    ca_file: Path


class Page:
    """A page; ``names`` on it are replaced by others."""

    def __init__(self, name: str, names: Mapping[str, str]) -> None:
        self.text = (_FOLDER / f"{name}.md").read_text()
        for old, new in names.items():
            self.text = self.text.replace(old, new)

    def ldif(self, heading: str) -> list[str]:
        """Return the LDIF below a heading; the service account has ``SERVICE_PASSWORD``."""
        part = pages.section(self.text, heading)
        found = re.findall(r"^```ldif\n(.*?)^```", part, re.MULTILINE | re.DOTALL)
        known = f"userPassword: {SERVICE_PASSWORD}"
        return [re.sub("(?m)^userPassword: .*", known, each) for each in found]

    def config(self, place: Place, mesibo: MesiboCloud, variant: int = 0) -> Config:
        """Return the page's configuration: servers are those that run here, the rest is as told.

        A ``variant`` has the keys of that YAML block of the page instead of its provider's.
        """
        config, *variants = map(yaml.safe_load, pages.yaml_blocks(self.text))
        if variant:
            config["providers"]["staff"]["config"] = variants[variant - 1]
        provider = config["providers"]["staff"]["config"]
        provider["urls"] = [place.url for _ in provider["urls"]]
        provider.setdefault("tls", {})["ca_file"] = str(place.ca_file)
        config["store"] = {"url": "memory://"}
        config["issuer"]["url"] = mesibo.url
        config["logging"] = {"format": "json"}
        return dict(config)


class Setup(NamedTuple):
    """A directory that is set up as its page tells: ann may sign in, bob is in no group."""

    page: Page
    place: Place
    password: Callable[[str], str]  # of a user name
    binds_as: Callable[[str], str]  # the name by which somebody binds

    def binds(self, name: str, password: str) -> bool:
        """Whether the directory itself takes this password."""
        who = ["-D", self.binds_as(name), "-w", password]
        return self.search(*who, "-s", "base", "-b", "", "1.1").returncode == 0

    def search(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ldapsearch(1)."""
        command = ["ldapsearch", "-x", "-LLL", "-o", "ldif-wrap=no", "-H", self.place.url]
        env = os.environ | {"LDAPTLS_CACERT": str(self.place.ca_file)}
        return subprocess.run(
            [*command, *arguments], env=env, capture_output=True, text=True, check=False
        )


def environment(mesibo: MesiboCloud) -> dict[str, str]:
    """Return the variables that the pages name."""
    return {
        "GATEWAY_SECRET": pages.SECRET,
        "MESIBO_APP_TOKEN": mesibo.app_token,
        "LDAP_PASSWORD": SERVICE_PASSWORD,
    }
