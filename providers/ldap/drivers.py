"""Which LDAP library does the work."""

from __future__ import annotations

from providers.ldap.client import Driver
from providers.ldap.settings import LdapConfig


def create(config: LdapConfig) -> Driver:
    """Make the configured driver; its library is imported now and not before."""
    if config.driver == "python-ldap":
        from providers.ldap.python_ldap_driver import PythonLdapDriver

        return PythonLdapDriver()
    from providers.ldap.ldap3_driver import Ldap3Driver

    return Ldap3Driver()
