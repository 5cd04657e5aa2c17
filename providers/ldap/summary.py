"""Where and how people and their groups are looked for, in words: for ``check --connect``."""

from __future__ import annotations

from providers.ldap.client import Scope
from providers.ldap.settings import LdapConfig


def summary(config: LdapConfig, place: tuple[str, Scope] | None) -> str:
    """Return it in one line. ``place``: below which entry, if the server was asked for that."""
    return f"{_people(config, place)}; {_groups(config)}"


def _people(config: LdapConfig, place: tuple[str, Scope] | None) -> str:
    if config.names_dn:
        return f"people are {config.user_dn}"
    search = config.user_search
    base, scope = (search.base_dn, search.scope) if search else place or ("the whole domain", "sub")
    found = f"people below {base} ({scope}) by {config.profile.user_filter}"
    return f"{found}, who bind as {config.user_dn}" if config.user_dn else found


def _groups(config: LdapConfig) -> str:
    groups = config.groups
    if groups is None:
        return "no groups"
    if groups.nested:
        return "groups by memberOf, nested"
    if groups.base_dn is None:
        return "groups by memberOf"
    return f"groups below {groups.base_dn} (sub) by {groups.filter}"
