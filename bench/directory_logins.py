"""Search and bind in one process: by the provider, and with nothing but a library.

All ask the same of the directory and bind as the person, over as many connections, which are kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import itertools
import queue
import ssl
import time
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple

import providers
from bench.directories import Directory
from bench.journey import WrongAnswers
from gateway.metrics import Metrics
from providers import Attempt, Context, Identity, LoginError
from tests.servers.slapd import PEOPLE, SERVICE, SERVICE_PASSWORD, Person, numbered

with warnings.catch_warnings():
    # It asks pyasn1 for names that pyasn1 0.7 drops; the dependency excludes that version.
    warnings.simplefilter("ignore", DeprecationWarning)
    import ldap3

IN_FLIGHT: Final = 32
PAIRS: Final = 16  # of connections: one that searches, one where people are bound
ATTRIBUTES: Final = ["displayName", "entryUUID", "mail", "mobile", "uid"]

SignIn = Callable[[Person], Awaitable[None]]  # raises ``WrongAnswers``
Way = contextlib.AbstractAsyncContextManager[SignIn]


class Cost(NamedTuple):
    """Of each login of a run."""

    cpu_us: float  # CPU time of this process
    seconds: float  # how long each took
    rate: float  # per second


async def run(sign_in: SignIn, people: Sequence[Person], in_flight: int) -> Cost:
    """Sign everybody in."""
    waiting = iter(people)

    async def some() -> None:
        for person in waiting:
            await sign_in(person)

    started, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(some() for _ in range(in_flight)))
    took, cpu = time.perf_counter() - started, time.process_time() - cpu
    count = len(people)
    return Cost(cpu / count * 1e6, took * in_flight / count, count / took)


def somebody(directory: Directory) -> Iterator[Person]:
    """People all over the directory, without end."""
    for number in itertools.count():
        yield numbered(number * 7919 % directory.users)


def _filter(person: Person) -> str:
    return f"(uid={person.uid})"


def _check(right: bool) -> None:
    if not right:
        raise WrongAnswers("somebody could not sign in to the directory")


@contextlib.asynccontextmanager
async def provider(directory: Directory, *, driver: str, tls: bool) -> AsyncIterator[SignIn]:
    """The provider, with everything that belongs to it."""
    kind = providers.load("ldap")
    config = {
        "urls": [directory.tls_url if tls else directory.url],
        "allow_cleartext": not tls,
        "tls": {"ca_file": str(directory.ca_file)},
        "bind_dn": SERVICE,
        "bind_password": SERVICE_PASSWORD,
        "user_search": {"base_dn": PEOPLE},
        "driver": driver,
        "pool_size": PAIRS,
    }
    staff = kind("staff", kind.Config.model_validate(config), Context(Metrics()))

    async def sign_in(person: Person) -> None:
        fields: providers.Fields = {"username": person.uid, "password": person.password}
        name = staff.identify(fields) or ""
        attempt = Attempt("app", "App", "staff", name, "127.0.0.1", "0123456789abcdef")
        try:
            identity = await staff.begin(attempt, fields)
        except LoginError as error:
            raise WrongAnswers(str(error)) from None
        _check(isinstance(identity, Identity) and identity.username == person.uid)

    await staff.open()
    try:
        yield sign_in
    finally:
        await staff.close()


# -- ldap3


class _Ldap3:
    """A connection of the service account, and one for the people."""

    def __init__(self, directory: Directory, *, tls: bool) -> None:
        verified = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=str(directory.ca_file))
        url = directory.tls_url if tls else directory.url
        server = ldap3.Server(url, get_info=ldap3.NONE, tls=verified if tls else None)
        self._service = ldap3.Connection(server, SERVICE, SERVICE_PASSWORD, auto_bind=True)
        self._people = ldap3.Connection(server)
        self._people.open()

    def sign_in(self, person: Person) -> None:
        self._service.search(PEOPLE, _filter(person), attributes=ATTRIBUTES, size_limit=2)
        found = self._service.response or []
        _check(len(found) == 1 and self._people.rebind(found[0]["dn"], person.password))

    def close(self) -> None:
        self._service.unbind()
        self._people.unbind()


@contextlib.asynccontextmanager
async def ldap3_one_by_one(directory: Directory, *, tls: bool) -> AsyncIterator[SignIn]:
    """ldap3 at its cheapest: no threads, everybody else waits."""
    with contextlib.closing(_Ldap3(directory, tls=tls)) as connections:

        async def sign_in(person: Person) -> None:
            connections.sign_in(person)

        yield sign_in


@contextlib.asynccontextmanager
async def ldap3_in_threads(directory: Directory, *, tls: bool) -> AsyncIterator[SignIn]:
    """ldap3 as asynchronous programs use it: in a pool of threads."""
    loop = asyncio.get_running_loop()
    free = queue.SimpleQueue[_Ldap3]()
    with contextlib.ExitStack() as stack:
        for _ in range(PAIRS):
            free.put(stack.enter_context(contextlib.closing(_Ldap3(directory, tls=tls))))
        threads = stack.enter_context(ThreadPoolExecutor(PAIRS))

        def in_thread(person: Person) -> None:
            connections = free.get()
            try:
                connections.sign_in(person)
            finally:
                free.put(connections)

        async def sign_in(person: Person) -> None:
            await loop.run_in_executor(threads, in_thread, person)

        yield sign_in


# -- python-ldap


class _PythonLdap:
    """A connection whose answers the event loop reads."""

    def __init__(self, directory: Directory, *, tls: bool) -> None:
        self._ldap: Any = importlib.import_module("ldap")  # it has no types
        self._handle = self._ldap.initialize(directory.tls_url if tls else directory.url)
        self._handle.protocol_version = 3
        if tls:
            self._handle.set_option(self._ldap.OPT_X_TLS_CACERTFILE, str(directory.ca_file))
            self._handle.set_option(self._ldap.OPT_X_TLS_NEWCTX, 0)
        self._handle.simple_bind_s(SERVICE, SERVICE_PASSWORD)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._handle.fileno(), self._read)

    def _read(self) -> None:
        while self._waiting:
            try:
                kind, data, message_id, _ = self._handle.result3(self._ldap.RES_ANY, 1, 0)
            except self._ldap.LDAPError as error:
                self._waiting.popitem()[1].set_exception(WrongAnswers(type(error).__name__))
                return
            if kind is None:
                return
            self._waiting.pop(message_id).set_result(data)

    def _answer(self, message_id: int) -> asyncio.Future[Any]:
        answer = self._waiting[message_id] = self._loop.create_future()
        return answer

    async def find(self, person: Person) -> str:
        search = self._handle.search_ext
        subtree = self._ldap.SCOPE_SUBTREE
        message_id = search(PEOPLE, subtree, _filter(person), ATTRIBUTES, sizelimit=2)
        ((dn, _),) = await self._answer(message_id)
        return str(dn)

    async def bind(self, dn: str, password: str) -> None:
        await self._answer(self._handle.simple_bind(dn, password))

    def close(self) -> None:
        self._loop.remove_reader(self._handle.fileno())
        self._handle.unbind_s()


@contextlib.asynccontextmanager
async def python_ldap_on_the_loop(directory: Directory, *, tls: bool) -> AsyncIterator[SignIn]:
    """The least that a login can cost: libldap, without threads, limits and time-outs."""
    with contextlib.ExitStack() as stack:
        service, *free = (
            stack.enter_context(contextlib.closing(_PythonLdap(directory, tls=tls)))
            for _ in range(1 + IN_FLIGHT)
        )

        async def sign_in(person: Person) -> None:
            dn = await service.find(person)
            people = free.pop()
            try:
                await people.bind(dn, person.password)
            finally:
                free.append(people)

        yield sign_in
