"""People of Active Directory who bind by a name such as ``ann@corp.example.com``.

Such a name says who binds and not where the entry is. Names that are looked up may be somebody
else's: one person's account name can be another's principal name. So whose entry was found is
compared with whom the server says that it has bound.
"""

from __future__ import annotations

from typing import Final

from providers._base import Rejected, Unavailable, UnknownIdentity
from providers.ldap import searching
from providers.ldap.client import Entry
from providers.ldap.names import fill_filter, is_plain
from providers.ldap.searching import Reader

SID: Final = "objectSid"
# Of the root entry: the security identifiers of whoever asks, [MS-ADTS] section 3.1.1.3.2
_TOKEN: Final = "tokenGroups"  # noqa: S105 - the name of an attribute


def principal(template: str, name: str) -> str:
    """Return as whom ``name`` binds. Raises ``UnknownIdentity``."""
    before, after = template.split("{username}")
    plain = _plain(name, before, after)
    if not is_plain(plain):
        raise UnknownIdentity("a character that no user principal name has")
    return f"{before}{plain}{after}"


def principal_filter(template: str, user_filter: str, who: str) -> str:
    """Return the filter that finds the entry of whoever binds as ``who``."""
    names = {who, _plain(who, *template.split("{username}"))}
    return f"(|{''.join(fill_filter(user_filter, username=name) for name in sorted(names))})"


def _plain(name: str, before: str, after: str) -> str:
    if before and name.casefold().startswith(before.casefold()):
        name = name[len(before) :]
    if after and name.casefold().endswith(after.casefold()):
        name = name[: -len(after)]
    return name


async def require_bound(read_as_person: Reader, entry: Entry, upstream: str) -> None:
    """Return if it is the person's own entry. Raises ``Rejected``, ``Unavailable``."""
    root = await searching.read_entry(read_as_person, "", [_TOKEN], upstream)
    bound = root.attributes.get(_TOKEN.lower(), ()) if root else ()
    own = entry.attributes.get(SID.lower(), ())
    if not bound or not own:
        raise Unavailable(upstream, f"{_TOKEN} or {SID} cannot be read: who was bound is not known")
    if set(own).isdisjoint(bound):
        raise Rejected("the entry of this name is somebody else's")
