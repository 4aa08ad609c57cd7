"""The guard: what is asked of every call, and what leaves when something fails."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from certs.authority import Authority
from forewarn.exchange.v1 import envelope_pb2
from forewarn.exchange.v1 import exchange_service_pb2 as pb
from gateway.core.envelope import digest
from gateway.core.errors import Fault, Reason, Refusal
from gateway.core.identity import MemberId, MemberKind, SystemId
from gateway.core.refused import OnRecord
from gateway.edge.callers import Caller, Callers
from gateway.edge.floor import VERIFIED_SIZE
from gateway.edge.guard import Bounds, Guard
from gateway.edge.policy import POLICY
from gateway.edge.rates import Rate, Rates
from gateway.edge.standings import Standings
from gateway.edge.strangers import Strangers
from gateway.edge.turnstile import Turnstile

NOW = datetime.now(UTC).replace(microsecond=0)
SERVICE = pb.DESCRIPTOR.services_by_name["ExchangeService"]
SECRET = "unreleased-model-name"
MOST = 3
STRANGE = 4
RATE = Rate(per_second=10, burst=20)


class Aborted(grpc.aio.AbortError):
    """What the fake context raises, as the real one does."""


class Context:
    """As much of a servicer context as the guard uses."""

    def __init__(self, certificate: bytes | None, *metadata: tuple[str, str | bytes]) -> None:
        self.certificate = certificate
        self.metadata = metadata
        self.code: grpc.StatusCode | None = None
        self.reason = ""
        self.message = ""
        self.said: dict[str, str] = {}
        self.site = "192.0.2.7"
        self.done: list[Callable[[Any], None]] = []
        self.written: list[Any] = []
        self.reads = True

    def peer(self) -> str:
        return f"ipv4:{self.site}:51312"

    def auth_context(self) -> dict[str, list[bytes]]:
        return {"x509_pem_cert": [self.certificate]} if self.certificate else {}

    def invocation_metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        return self.metadata

    def add_done_callback(self, done: Callable[[Any], None]) -> None:
        self.done.append(done)

    async def send_initial_metadata(self, metadata: tuple[()]) -> None:
        assert not self.written

    async def write(self, answer: Message) -> None:
        if self.reads:
            self.written.append(answer)
        else:
            await asyncio.Event().wait()

    async def abort(self, code: grpc.StatusCode, message: str, trailer: Any) -> None:
        self.code, self.message = code, message
        ((_, raw),) = trailer
        for detail in status_pb2.Status.FromString(raw).details:
            info = error_details_pb2.ErrorInfo()
            if detail.Unpack(info):
                self.reason, self.said = info.reason, dict(info.metadata)
        raise Aborted


class Directory:
    """A directory of one member, and a count of how often it was read."""

    def __init__(self, kind: MemberKind) -> None:
        self.kind = kind
        self.reads = 0
        self.refusal: Refusal | None = None

    @property
    def size(self) -> int:
        return self.reads

    def now(self) -> Any:
        self.reads += 1
        return self

    def authenticate(self, system: SystemId) -> Any:
        if self.refusal is not None:
            raise self.refusal
        return type("Member", (), {"id": MemberId(system.member), "kind": self.kind})()


class Head:
    size = 1


class Service:
    """A service whose methods do what a test asks."""

    def __init__(self) -> None:
        self.raises: Exception | None = None
        self.seen: list[tuple[Caller, Message]] = []
        self.more: tuple[str, ...] = ()

    async def answer(self, caller: Caller, request: Any) -> Message:
        self.seen.append((caller, request))
        if self.raises is not None:
            raise self.raises
        return pb.GetEntryResponse(checkpoint=b"note")

    submit = get_entry = list_entries = get_case = list_cases = answer

    async def submit_stream(
        self, caller: Caller, incoming: AsyncIterator[tuple[Caller, Any]]
    ) -> AsyncGenerator[Message, None]:
        async for each in incoming:
            self.seen.append(each)
            yield pb.SubmitStreamResponse(tag=each[1].tag)

    async def follow(self, caller: Caller, request: Any) -> AsyncGenerator[Message, None]:
        self.seen.append((caller, request))
        yield pb.FollowResponse(cursor="first")
        for cursor in self.more:
            yield pb.FollowResponse(cursor=cursor)
        if self.raises is not None:
            raise self.raises


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder: Path = tmp_path_factory.mktemp("guard")
    authority = Authority.create(folder / "ca", trust_domain="exchange.example")
    return authority.leaf(["spiffe://exchange.example/lab/aurora/desk"])[0]


class Journal:
    """Remembers what was refused."""

    def __init__(self) -> None:
        self.refusals: list[tuple[str, str, Reason, bytes | None]] = []

    async def refused(
        self, *, system: SystemId | None, rpc: str, reason: Reason, digest: bytes | None
    ) -> OnRecord:
        self.refusals.append((str(system or ""), rpc, reason, digest))
        return OnRecord(index=None if system is None else 40 + len(self.refusals))


class World:
    def __init__(
        self,
        kind: MemberKind = MemberKind.LAB,
        now: datetime = NOW,
        rates: tuple[Rate, Rate] = (RATE, RATE),
    ) -> None:
        self.directory = Directory(kind)
        self.clock = 0.0
        self.turnstile = Turnstile(MOST)
        self.head = Head()
        directories: Any = self.directory
        head: Any = self.head
        callers = Callers(trust_domain="exchange.example", directories=directories, head=head)
        self.service = Service()
        self.journal = Journal()
        guard = Guard(
            callers=callers,
            standings=Standings(callers=callers, head=head),
            bounds=Bounds(
                rates=Rates(
                    statements=rates[0],
                    confirmations=RATE,
                    calls=rates[1],
                    clock=lambda: 0.0,
                ),
                turnstile=self.turnstile,
                strangers=Strangers(lambda: self.clock, per_second=2, burst=STRANGE),
                reader_seconds=0.05,
            ),
            head=head,
            now=lambda: self.now,
            journal=self.journal,
        )
        self.now = now
        self.handler = guard.handler(SERVICE, self.service)

    def _method(self, name: str) -> Any:
        details: Any = type("Details", (), {"method": f"/{SERVICE.full_name}/{name}"})()
        return self.handler.service(details)

    async def call(self, name: str, request: bytes, context: Context) -> Any:
        return await self._method(name).unary_unary(request, context)

    async def both_ways(self, context: Context, *requests: bytes) -> list[Any]:
        async def incoming() -> AsyncGenerator[bytes, None]:
            for number, request in enumerate(requests):
                if number == 2:
                    # Between two requests of the stream.
                    self.head.size += 1
                    self.directory.refusal = Refusal(Reason.MEMBER_INACTIVE, "it is suspended")
                yield request

        with suppress(Aborted):
            await self._method("SubmitStream").stream_stream(incoming(), context)
        return context.written

    async def stream(self, context: Context) -> list[Any]:
        with suppress(Aborted):
            await self._method("Follow").unary_stream(b"", context)
        return context.written


@pytest.mark.asyncio
async def test_a_call_arrives_with_its_caller_and_its_time(certificate: bytes) -> None:
    world = World()

    await world.call(
        "GetEntry", pb.GetEntryRequest(index=3).SerializeToString(), Context(certificate)
    )

    ((caller, request),) = world.service.seen
    assert (caller.id, caller.received_time) == ("aurora", NOW)
    assert str(caller.system) == "spiffe://exchange.example/lab/aurora/desk"
    assert request == pb.GetEntryRequest(index=3)


@pytest.mark.asyncio
async def test_no_certificate_no_call() -> None:
    world, context = World(), Context(None)

    with pytest.raises(Aborted):
        await world.call("GetEntry", b"", context)

    assert (context.code, context.reason) == (
        grpc.StatusCode.UNAUTHENTICATED,
        Reason.SPIFFE_ID_MISSING,
    )
    assert not world.service.seen


@pytest.mark.asyncio
async def test_a_certificate_that_has_expired_meanwhile_calls_no_more(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path / "ca", trust_domain="exchange.example")
    begun = datetime.now(UTC)
    uris = ["spiffe://exchange.example/lab/aurora/desk"]
    leaf = authority.leaf(uris, not_before=begun, lifetime=timedelta(hours=1))[0]
    certificate = x509.load_pem_x509_certificate(leaf).public_bytes(Encoding.PEM)
    for hours, reason in ((0, ""), (2, Reason.CERTIFICATE_EXPIRED)):
        world, context = World(now=begun + timedelta(hours=hours)), Context(certificate)
        with contextlib.suppress(Aborted):
            await world.call("GetEntry", b"", context)
        assert context.reason == reason
        assert len(world.service.seen) == (not reason)


@pytest.mark.asyncio
async def test_a_stream_ends_with_its_certificate(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path / "ca", trust_domain="exchange.example")
    begun = datetime.now(UTC)
    uris = ["spiffe://exchange.example/lab/aurora/desk"]
    leaf = authority.leaf(uris, not_before=begun, lifetime=timedelta(hours=1))[0]
    world = World(now=begun)
    world.service.more = ("second",)

    class Slow(Context):
        async def write(self, answer: Message) -> None:
            await super().write(answer)
            world.now = begun + timedelta(hours=2)

    context = Slow(x509.load_pem_x509_certificate(leaf).public_bytes(Encoding.PEM))
    written = await world.stream(context)
    assert [each.cursor for each in written] == ["first"]
    assert context.reason == Reason.CERTIFICATE_EXPIRED


@pytest.mark.asyncio
async def test_a_kind_without_permission_is_refused_before_its_request_is_read(
    certificate: bytes,
) -> None:
    world, context = World(MemberKind.WITNESS), Context(certificate)

    with pytest.raises(Aborted):
        await world.call("ListEntries", b"\xff\xff", context)

    assert context.reason == Reason.SENDER_NOT_PERMITTED
    assert not world.service.seen


@pytest.mark.asyncio
@pytest.mark.parametrize("request_bytes", [b"\xff", b"\x1a\x02\xff\xfe", b"\x0a\x05"])
async def test_a_request_that_does_not_parse_has_a_reason(
    certificate: bytes, request_bytes: bytes
) -> None:
    world, context = World(), Context(certificate)

    with pytest.raises(Aborted):
        await world.call("ListEntries", request_bytes, context)

    assert (context.code, context.reason) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        Reason.FIELD_INVALID,
    )


def logged(caplog: pytest.LogCaptureFixture) -> str:
    """Give everything that the records hold, fields included."""
    return " ".join(str(vars(record)) for record in caplog.records) + caplog.text


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["Submit", "GetEntry", "ListEntries", "GetCase", "ListCases"])
async def test_a_failure_says_nothing_to_the_caller_and_no_content_to_the_log(
    certificate: bytes, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    world, context = World(), Context(certificate)
    world.service.raises = ValueError(SECRET)

    with caplog.at_level(logging.DEBUG), pytest.raises(Aborted):
        await world.call(name, b"", context)

    assert (context.code, context.reason) == (grpc.StatusCode.INTERNAL, Reason.INTERNAL)
    assert SECRET not in context.message
    assert SECRET not in logged(caplog)
    assert "'error': 'ValueError'" in logged(caplog)
    assert "test_guard.py" in logged(caplog)


@pytest.mark.asyncio
async def test_refusals_and_faults_are_logged_by_reason_only(
    certificate: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    for error in (
        Refusal(Reason.ENTRY_NOT_FOUND, SECRET),
        Fault(Reason.LEDGER_UNAVAILABLE, SECRET),
    ):
        world, context = World(), Context(certificate)
        world.service.raises = error
        with caplog.at_level(logging.DEBUG), pytest.raises(Aborted):
            await world.call("GetEntry", b"", context)
        assert context.reason == error.reason
        assert f"'reason': {error.reason!r}" in logged(caplog)
    assert SECRET not in logged(caplog)


@pytest.mark.asyncio
async def test_a_stream_gives_what_it_had_and_then_the_status(certificate: bytes) -> None:
    world, context = World(), Context(certificate)
    world.service.raises = Refusal(Reason.MEMBER_INACTIVE, "the member is suspended")

    found = await world.stream(context)

    assert [each.cursor for each in found] == ["first"]
    assert (context.code, context.reason) == (
        grpc.StatusCode.PERMISSION_DENIED,
        Reason.MEMBER_INACTIVE,
    )


@pytest.mark.asyncio
async def test_a_message_that_is_not_taken_in_time_ends_the_stream(certificate: bytes) -> None:
    world, context = World(), Context(certificate)
    context.reads = False

    assert await world.stream(context) == []
    assert (context.code, context.reason) == (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        Reason.READER_TOO_SLOW,
    )
    # It counts until gRPC has done with it: the message is still kept.
    assert world.turnstile._inside


@pytest.mark.asyncio
@pytest.mark.parametrize(("name", "most"), [("Submit", 3), ("GetEntry", 7)])
async def test_statements_and_other_calls_have_rates_of_their_own(
    certificate: bytes, name: str, most: int
) -> None:
    world, reasons = World(rates=(Rate(per_second=1, burst=3), Rate(per_second=1, burst=7))), []
    for _ in range(10):
        context = Context(certificate)
        with suppress(Aborted):
            await world.call(name, b"", context)
        for done in context.done:
            done(context)
        reasons.append(context.reason)

    assert reasons == [""] * most + [Reason.RATE_EXCEEDED] * (10 - most)
    other = Context(certificate)
    await world.call("GetEntry" if name == "Submit" else "Submit", b"", other)


@pytest.mark.asyncio
async def test_every_request_of_a_stream_is_asked_for_its_standing(certificate: bytes) -> None:
    world, context = World(), Context(certificate)
    requests = [pb.SubmitStreamRequest(tag=tag).SerializeToString() for tag in (1, 2, 3)]

    found = await world.both_ways(context, *requests)

    assert [each.tag for each in found] == [1, 2]
    assert {(caller.id, caller.received_time) for caller, _ in world.service.seen} == {
        ("aurora", NOW)
    }
    assert context.reason == Reason.MEMBER_INACTIVE


@pytest.mark.asyncio
async def test_a_request_of_a_stream_that_does_not_parse_ends_it(certificate: bytes) -> None:
    world, context = World(), Context(certificate)

    found = await world.both_ways(context, b"\x08\x01", b"\xff")

    assert [each.tag for each in found] == [1]
    assert context.reason == Reason.FIELD_INVALID


@pytest.mark.asyncio
async def test_standing_is_asked_again_as_soon_as_the_ledger_has_grown(certificate: bytes) -> None:
    world = World()
    for _ in range(3):
        await world.call("GetEntry", b"", Context(certificate))
    assert world.directory.reads == 1

    world.head.size = 2
    world.directory.refusal = Refusal(Reason.SYSTEM_SUSPENDED, "the system is suspended")
    context = Context(certificate)
    with pytest.raises(Aborted):
        await world.call("GetEntry", b"", context)

    assert context.reason == Reason.SYSTEM_SUSPENDED


@pytest.mark.asyncio
@pytest.mark.parametrize(("said", "calls"), [("1", 1), ("no size", 0)])
async def test_what_a_caller_has_verified_is_asked_for_before_its_call(
    certificate: bytes, said: str, calls: int
) -> None:
    world, context = World(), Context(certificate, (VERIFIED_SIZE, said))
    with suppress(Aborted):
        await world.call("GetEntry", b"", context)

    assert len(world.service.seen) == calls
    assert context.reason == ("" if calls else Reason.FIELD_INVALID)


@pytest.mark.asyncio
async def test_a_call_counts_until_grpc_has_done_with_it(certificate: bytes) -> None:
    world = World()
    inside = [Context(certificate) for _ in range(MOST)]
    for context in inside:
        await world.call("GetEntry", b"", context)

    beyond = Context(certificate)
    with pytest.raises(Aborted):
        await world.call("GetEntry", b"", beyond)
    assert (beyond.code, beyond.reason) == (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        Reason.TOO_MANY_CALLS,
    )
    assert not beyond.done

    for done in inside[0].done:
        done(inside[0])
    await world.call("GetEntry", b"", Context(certificate))


@pytest.mark.asyncio
async def test_a_refused_call_counts_too_until_it_has_ended(certificate: bytes) -> None:
    world = World()
    world.service.raises = Refusal(Reason.ENTRY_NOT_FOUND, "no")
    for _ in range(3 * MOST):
        context = Context(certificate)
        with pytest.raises(Aborted):
            await world.call("GetEntry", b"", context)
        assert context.reason == Reason.ENTRY_NOT_FOUND
        for done in context.done:
            done(context)


@pytest.mark.asyncio
async def test_every_refusal_is_put_on_record_with_what_is_known_of_it(certificate: bytes) -> None:
    desk, case = "spiffe://exchange.example/lab/aurora/desk", bytes(range(32))
    world = World()
    world.service.raises = Refusal(Reason.CASE_NOT_FOUND, "no such case")
    refusals = [
        ("GetCase", pb.GetCaseRequest(case_digest=case).SerializeToString(), case),
        ("GetCase", pb.GetCaseRequest(case_digest=b"short").SerializeToString(), None),
        ("Submit", pb.SubmitRequest(envelope=b"\xff").SerializeToString(), None),
        ("ListCases", b"", None),
    ]
    for number, (name, request, _) in enumerate(refusals, 41):
        context = Context(certificate)
        with pytest.raises(Aborted):
            await world.call(name, request, context)
        assert context.said == {"audit": "recorded", "audit_index": str(number)}
        for done in context.done:
            done(context)

    assert world.journal.refusals == [
        (desk, name, Reason.CASE_NOT_FOUND, digest) for name, _, digest in refusals
    ]


@pytest.mark.asyncio
async def test_a_refused_statement_is_named_by_its_digest(certificate: bytes) -> None:
    world = World()
    world.service.raises = Refusal(Reason.SIGNATURE_INVALID, "it does not verify")
    sent = envelope_pb2.Envelope(payload=b"what was said", payload_type="?")
    request = pb.SubmitRequest(envelope=sent.SerializeToString())

    with pytest.raises(Aborted):
        await world.call("Submit", request.SerializeToString(), Context(certificate))

    ((_, _, _, named),) = world.journal.refusals
    assert named == digest(b"what was said")


@pytest.mark.asyncio
async def test_a_fault_is_nobodys_refusal_and_an_unknown_caller_has_no_name(
    certificate: bytes,
) -> None:
    world = World()
    world.service.raises = Fault(Reason.LEDGER_UNAVAILABLE, "later")
    context = Context(certificate)
    with pytest.raises(Aborted):
        await world.call("GetEntry", b"", context)
    assert world.journal.refusals == []
    assert context.said == {}

    context = Context(None)
    with pytest.raises(Aborted):
        await world.call("GetEntry", b"", context)
    assert context.said == {"audit": "counted"}
    assert world.journal.refusals == [("", "GetEntry", Reason.SPIFFE_ID_MISSING, None)]


def test_an_rpc_without_a_row_has_no_handler(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"{SERVICE.full_name}.GetEntry"
    rows = {key: value for key, value in POLICY.items() if key != name}
    monkeypatch.setattr("gateway.edge.guard.POLICY", rows)

    assert World()._method("GetEntry") is None
    assert World()._method("ListCases") is not None


async def answered(world: World, certificate: bytes | None, site: str = "192.0.2.7") -> Context:
    context = Context(certificate)
    context.site = site
    with suppress(Aborted):
        await world.call("GetEntry", b"", context)
    for done in context.done:
        done(context)
    return context


@pytest.mark.asyncio
async def test_whoever_has_no_name_is_answered_at_a_rate_of_its_address() -> None:
    world = World()
    reasons = [(await answered(world, None)).reason for _ in range(STRANGE + 2)]
    assert reasons == [Reason.SPIFFE_ID_MISSING] * STRANGE + [Reason.RATE_EXCEEDED] * 2
    assert (await answered(world, None, "192.0.2.8")).reason == Reason.SPIFFE_ID_MISSING

    world.clock = 0.5
    assert (await answered(world, None)).reason == Reason.SPIFFE_ID_MISSING


@pytest.mark.asyncio
async def test_a_system_that_may_not_call_is_answered_at_a_rate_of_its_own(
    certificate: bytes,
) -> None:
    world = World()
    world.directory.refusal = Refusal(Reason.MEMBER_UNKNOWN, "no such member")
    reasons = [(await answered(world, certificate)).reason for _ in range(STRANGE + 1)]
    assert reasons == [Reason.MEMBER_UNKNOWN] * STRANGE + [Reason.RATE_EXCEEDED]
    # Beyond its rate it is one of a crowd, and nothing is recorded for it by itself.
    assert world.journal.refusals[-1] == ("", "GetEntry", Reason.RATE_EXCEEDED, None)
    assert (await answered(world, None)).reason == Reason.SPIFFE_ID_MISSING

    # Enrolled since, it calls at once.
    world.directory.refusal = None
    assert (await answered(world, certificate)).reason == ""
