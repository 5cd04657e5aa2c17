"""The keys of an ``ldap`` provider; what can be wrong with them is refused when they are read."""

from __future__ import annotations

import importlib.util
import re
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from config import Duration, Model, Secret
from config.spelling import invalid
from providers._phone import PhoneNumbers
from providers._tls import CaFile
from providers.ldap.client import BadFilter, Scope, Server, TlsSettings
from providers.ldap.names import fill_filter, placeholders
from providers.ldap.presets import GENERIC, PROFILES, Preset, Profile

PORTS: Final = {"ldap": 389, "ldaps": 636}
MAX_TOTAL: Final = 20.0  # seconds: shorter than the gateway's own deadline for a login

_DN: Final = r"[A-Za-z0-9][A-Za-z0-9.-]* *=.*"
_USERNAME: Final = "{username}"


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.scheme not in PORTS or not re.fullmatch("[!-~]+", text):
        raise invalid("must be ldaps://HOST or ldap://HOST, with :PORT if it is an unusual one")
    if "@" in parts.netloc or parts.path.strip("/") or parts.query or parts.fragment:
        raise invalid("must hold nothing but a scheme, a host and perhaps a port")
    return text


def _dn(text: str) -> str:
    if not re.fullmatch(_DN, text):
        raise invalid("must be a full distinguished name such as ou=people,dc=example,dc=com")
    return text


def _names(template: str, allowed: tuple[str, ...]) -> None:
    """Raise ``ValueError`` unless at least one of ``allowed`` is in the template, and no other."""
    wanted = " or ".join(f"{{{name}}}" for name in allowed)
    named = placeholders(template)
    rest = template
    for name in named:
        rest = rest.replace(f"{{{name}}}", "")
    if not named or named - set(allowed) or re.search("[{}]", rest):
        raise invalid(f"must name {wanted}, and nothing else in braces")


def _filter(*allowed: str) -> AfterValidator:
    def check(template: str) -> str:
        # Takes its time, and a library that only this provider needs.
        from providers.ldap.filters import encoded

        _names(template, allowed)
        try:
            encoded(fill_filter(template, **dict.fromkeys(allowed, "x")))
        except BadFilter:
            raise invalid("must be a search filter in brackets (RFC 4515)") from None
        return template

    return AfterValidator(check)


def _user_dn(template: str) -> str:
    _names(template, ("username",))
    if "=" in template:
        return _dn(template)
    if template.count(_USERNAME) != 1 or not re.search(r"@.|.\\", template):
        raise invalid(
            "must be a distinguished name such as uid={username},ou=people,dc=example,dc=com, "
            "or a user principal name such as {username}@corp.example.com"
        )
    return template


def _region(region: str | None) -> str | None:
    PhoneNumbers(region)  # raises ValueError if there is no such region
    return region


Url = Annotated[str, AfterValidator(_url)]
Dn = Annotated[str, AfterValidator(_dn)]
Text = Annotated[str, Field(min_length=1)]


class Tls(Model):
    """How connections are protected."""

    start_tls: bool = False
    ca_file: CaFile | None = None
    verify: bool = True


class UserSearch(Model):
    """Where people are, and how one is found."""

    base_dn: Dn
    filter: Annotated[str, _filter("username")] | None = None  # default: by preset
    scope: Scope = "sub"


class Groups(Model):
    """Who may sign in. Groups are full distinguished names."""

    base_dn: Dn | None = None  # default: the groups that the person's own entry names
    filter: Annotated[str, _filter("dn", "username")] = "(member={dn})"
    required: list[Dn] = Field(default_factory=list)
    denied: list[Dn] = Field(default_factory=list)
    nested: bool = False

    @model_validator(mode="after")
    def _decides(self) -> Groups:
        if not self.required and not self.denied:
            raise invalid("keeps nobody out: give required or denied groups, or leave it away")
        return self


class Timeout(Model):
    """Seconds."""

    connect: Duration = 3.0
    operation: Duration = 5.0
    total: Annotated[Duration, Field(le=MAX_TOTAL)] = 10.0


class Attributes(Model):
    """Which attributes tell of a person; default: by preset."""

    username: Text | None = None
    email: Text | None = None
    phone: Text | None = None
    name: Text | None = None


class Lookup(Model):
    """Filters that find the person of a phone number or email address."""

    phone: Annotated[str, _filter("phone")] | None = None
    email: Annotated[str, _filter("email")] | None = None


class LdapConfig(Model):
    """The keys of an ``ldap`` provider."""

    urls: Annotated[list[Url], Field(min_length=1)]
    tls: Tls = Field(default_factory=Tls)
    allow_cleartext: bool = False
    bind_dn: Text | None = None
    bind_password: Secret | None = None
    preset: Preset | None = None
    user_dn: Annotated[str, AfterValidator(_user_dn)] | None = None
    user_search: UserSearch | None = None
    id_attribute: Text | None = None
    attributes: Attributes = Field(default_factory=Attributes)
    groups: Groups | None = None
    timeout: Timeout = Field(default_factory=Timeout)
    pool_size: Annotated[int, Field(ge=1, le=64)] = 8
    driver: Literal["ldap3", "python-ldap"] = "ldap3"
    domain: Annotated[str, Field(pattern=r"^[^\\@]+$")] | None = None  # people may type CORP\ann
    default_region: Annotated[str | None, AfterValidator(_region)] = None
    lookup: Lookup = Field(default_factory=Lookup)

    @field_validator("driver")
    @classmethod
    def _installed(cls, driver: str) -> str:
        if driver == "python-ldap" and importlib.util.find_spec("_ldap") is None:
            raise invalid('needs the library python-ldap: pip install ".[python-ldap]"')
        return driver

    @field_validator("groups")
    @classmethod
    def _nested(cls, groups: Groups | None, info: ValidationInfo) -> Groups | None:
        if groups and groups.nested and info.data.get("preset") != "active_directory":
            raise invalid("nested needs preset: active_directory, which can follow groups")
        return groups

    @model_validator(mode="after")
    def _protected(self) -> LdapConfig:
        plain = [url for url in self.urls if urlsplit(url).scheme == "ldap"]
        if plain and not self.tls.start_tls and not self.allow_cleartext:
            raise invalid(
                "passwords would cross the network in the clear: use ldaps:// or "
                "tls.start_tls: true, or set allow_cleartext: true"
            )
        if self.tls.start_tls and not plain:
            raise invalid("tls.start_tls is for ldap://: ldaps:// begins with TLS")
        return self

    @model_validator(mode="after")
    def _one_way_to_a_person(self) -> LdapConfig:
        search = self.user_search
        if search is None and self.user_dn is None:
            raise invalid("needs user_search or user_dn, or nobody can be found")
        if search is not None and search.filter is not None and self.names_dn:
            raise invalid("user_dn names people's entries: user_search.filter has no use beside it")
        if (self.bind_dn is None) != (self.bind_password is None):
            raise invalid("give bind_dn and bind_password, or neither")
        return self

    @property
    def names_dn(self) -> bool:
        """Whether people bind by a distinguished name made of what they type."""
        return self.user_dn is not None and "=" in self.user_dn

    @property
    def profile(self) -> Profile:
        """What the preset fills in, with what the configuration says itself."""
        preset = PROFILES[self.preset] if self.preset else GENERIC
        search = self.user_search
        return Profile(
            (search and search.filter) or preset.user_filter,
            self.id_attribute or preset.id_attribute,
            {**preset.attributes, **self.attributes.model_dump(exclude_none=True)},
            preset.state,
            {**preset.lookups, **self.lookup.model_dump(exclude_none=True)},
            preset.server_state,
        )

    def servers(self) -> list[Server]:
        """The servers in order of failover."""
        return [self._server(url) for url in self.urls]

    def _server(self, url: str) -> Server:
        parts = urlsplit(url)
        start_tls = self.tls.start_tls and parts.scheme == "ldap"
        secure = start_tls or parts.scheme == "ldaps"
        return Server(
            url=url,
            host=parts.hostname or "",
            port=parts.port or PORTS[parts.scheme],
            tls=TlsSettings(self.tls.ca_file, self.tls.verify) if secure else None,
            start_tls=start_tls,
        )
