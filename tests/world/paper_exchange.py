"""An exchange on paper: a gRPC server over mutual TLS that serves a hand-made ledger.

It judges nothing and records what it is given; what it shows is real, unless a test asks for lies.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import grpc
import grpc.aio
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from certs.authority import SERVER_AUTH, Authority
from forewarn.exchange.v1 import (
    directory_service_pb2,
    directory_service_pb2_grpc,
    envelope_pb2,
    exchange_service_pb2,
    exchange_service_pb2_grpc,
    ledger_pb2,
    log_service_pb2,
    log_service_pb2_grpc,
)
from forewarn.statement.v1 import header_pb2
from forewarn_client.home import Home
from forewarn_client.join import Exchange, JoinFile
from tests.world.ledger_builder import TRUST_DOMAIN, Ledger, Party, digest

PROTOCOLS = ((80, "release"), (97, "grant"), (112, "breach"), (128, "alert"))


def opened(body: bytes) -> tuple[ledger_pb2.EntryBody, header_pb2.Header, bytes]:
    """Open an entry body: itself, the header in it, and the statement's digest."""
    entry = ledger_pb2.EntryBody.FromString(body)
    payload = envelope_pb2.Envelope.FromString(entry.envelope).payload
    statement = header_pb2.Statement.FromString(payload)
    return entry, header_pb2.Header.FromString(statement.header), digest(payload)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An answer that a call gets instead of its own."""

    code: grpc.StatusCode
    text: str = "as the test wants it"
    details: tuple[Message, ...] = ()

    async def abort(self, context: Any) -> None:
        packed = []
        for detail in self.details:
            wrapped = AnyMessage()
            wrapped.Pack(detail)
            packed.append(wrapped)
        status = status_pb2.Status(code=self.code.value[0], message=self.text, details=packed)
        await context.abort_with_status(rpc_status.to_status(status))


@dataclass(slots=True, kw_only=True)
class PaperExchange(
    exchange_service_pb2_grpc.ExchangeServiceServicer,
    directory_service_pb2_grpc.DirectoryServiceServicer,
    log_service_pb2_grpc.LogServiceServicer,
):
    """The server, and what it is to do next."""

    folder: Path
    ledger: Ledger = field(default_factory=Ledger)
    failures: list[Failure] = field(default_factory=list)
    lost_answers: int = 0
    lag: int = 0
    break_after: int | None = None
    case_page: int = 1000
    streamed: int = 0
    break_stream_at: int = 0
    tags_off_by: int = 0
    refusals: dict[int, status_pb2.Status] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    floors: list[int] = field(default_factory=list)
    honours_floors: bool = True
    refuses_proofs: bool = False
    proof_failures: list[Failure] = field(default_factory=list)
    slow: asyncio.Event = field(default_factory=asyncio.Event)
    slow_checkpoints: list[tuple[asyncio.Event, int]] = field(default_factory=list)
    authority: Authority = field(init=False)
    port: int = 0
    audit_log_key: str = ""
    _server: Any = None
    _grown: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self) -> Self:
        self.authority = Authority.create(self.folder / "ca", trust_domain=TRUST_DOMAIN)
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen; on the same port as before after a stop."""
        chain, key = self.authority.leaf([], ips=["127.0.0.1"], usages=[SERVER_AUTH])
        self._server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        self.offer(self._server)
        credentials = grpc.ssl_server_credentials(
            [(key, chain)], self.authority.bundle, require_client_auth=True
        )
        self.port = self._server.add_secure_port(f"127.0.0.1:{self.port}", credentials)
        await self._server.start()

    def offer(self, server: Any) -> None:
        """Add the services."""
        exchange_service_pb2_grpc.add_ExchangeServiceServicer_to_server(self, server)
        directory_service_pb2_grpc.add_DirectoryServiceServicer_to_server(self, server)
        log_service_pb2_grpc.add_LogServiceServicer_to_server(self, server)

    async def stop(self) -> None:
        """End every call and stop listening."""
        await self._server.stop(None)

    def home(self, who: Party, *, certificate: bool = True) -> Home:
        """Make a member's folder, with the key that the ledger knows."""
        path = self.folder / who.member
        path.mkdir(mode=0o700)
        key = path / "signing.pem"
        key.write_bytes(who.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        key.chmod(0o600)
        exchange = Exchange(
            origin=self.ledger.origin,
            trust_domain=TRUST_DOMAIN,
            genesis_digest=self.ledger.genesis_digest,
            log_key=self.ledger.log_vkey,
            address=f"127.0.0.1:{self.port}",
            audit_log_key=self.audit_log_key,
        )
        home = Home.create(
            path,
            member=who.member,
            kind=who.kind,
            system=who.system.rsplit("/", 1)[1],
            join=JoinFile(exchange=exchange, ca=self.authority.bundle),
        )
        if certificate:
            home.install_certificate(self.authority.issue((path / "tls.csr").read_bytes()))
        return home

    def record_envelope(self, signed: bytes, system: str) -> int:
        """Record an envelope, or find it again."""
        payload = envelope_pb2.Envelope.FromString(signed).payload
        for index, entry in enumerate(self.ledger.entries):
            if opened(entry.body)[2] == digest(payload):
                return index
        header = header_pb2.Header.FromString(header_pb2.Statement.FromString(payload).header)
        directory = header.kind < 64
        index = self.ledger.append(
            signed,
            system=system,
            audience=sorted({item.member for item in header.recipients} - {""}),
            case_state="" if directory else "OPEN",
            directory=directory,
        )
        self._grown.set()
        return index

    async def Submit(  # noqa: N802 - gRPC's name
        self, request: exchange_service_pb2.SubmitRequest, context: Any
    ) -> exchange_service_pb2.SubmitResponse:
        await self._begin("Submit", context)
        index = self.record_envelope(request.envelope, _uri(context))
        if self.lost_answers:
            self.lost_answers -= 1
            await Failure(code=grpc.StatusCode.UNAVAILABLE, text="lost").abort(context)
        record = self.ledger.record(index)
        return exchange_service_pb2.SubmitResponse(
            digest=opened(record.entry_body)[2],
            entry_body=record.entry_body,
            receipt=ledger_pb2.Receipt(
                index=index,
                salt=record.salt,
                inclusion_proof=record.inclusion_proof,
                checkpoint=self.ledger.checkpoint(),
            ),
        )

    async def SubmitStream(  # noqa: N802 - gRPC's name
        self,
        requests: AsyncIterator[exchange_service_pb2.SubmitStreamRequest],
        context: Any,
    ) -> AsyncIterator[exchange_service_pb2.SubmitStreamResponse]:
        await self._begin("SubmitStream", context)
        await context.send_initial_metadata((("forewarn-stream", "open"),))
        async for request in requests:
            self.streamed += 1
            if self.break_stream_at == self.streamed:
                await Failure(code=grpc.StatusCode.UNAVAILABLE, text="broken").abort(context)
            if self.refusals.get(self.streamed):
                refused = self.refusals[self.streamed].SerializeToString()
                yield exchange_service_pb2.SubmitStreamResponse(tag=request.tag, refused=refused)
                continue
            answer = await self.Submit(
                exchange_service_pb2.SubmitRequest(envelope=request.envelope), context
            )
            yield exchange_service_pb2.SubmitStreamResponse(
                tag=request.tag + self.tags_off_by, recorded=answer
            )

    async def GetEntry(  # noqa: N802 - gRPC's name
        self, request: exchange_service_pb2.GetEntryRequest, context: Any
    ) -> exchange_service_pb2.GetEntryResponse:
        await self._begin("GetEntry", context)
        for index, entry in enumerate(self.ledger.entries):
            if request.digest == opened(entry.body)[2] or (
                request.HasField("index") and request.index == index
            ):
                return exchange_service_pb2.GetEntryResponse(
                    record=self.ledger.record(index), checkpoint=self.ledger.checkpoint()
                )
        await Failure(code=grpc.StatusCode.NOT_FOUND).abort(context)
        raise AssertionError

    async def ListEntries(  # noqa: N802 - gRPC's name
        self, request: exchange_service_pb2.ListEntriesRequest, context: Any
    ) -> exchange_service_pb2.ListEntriesResponse:
        await self._begin("ListEntries", context)
        who = _caller(context)
        indexes = self._matching(request.filter, int(request.cursor or 0), who)
        page = indexes[: request.page_size]
        return exchange_service_pb2.ListEntriesResponse(
            records=[self.ledger.record(index) for index in page],
            checkpoint=self.ledger.checkpoint(),
            cursor=str(page[-1] + 1 if page else int(request.cursor or 0)),
            more=len(indexes) > len(page),
        )

    async def Follow(  # noqa: N802 - gRPC's name
        self, request: exchange_service_pb2.FollowRequest, context: Any
    ) -> AsyncIterator[exchange_service_pb2.FollowResponse]:
        await self._begin("Follow", context)
        cursor = int(request.cursor or 0)
        yield exchange_service_pb2.FollowResponse(
            checkpoint=self.ledger.checkpoint(), cursor=str(cursor)
        )
        while True:
            self._grown.clear()
            indexes = self._matching(request.filter, cursor, _caller(context))[:2]
            if indexes:
                cursor = indexes[-1] + 1
                yield exchange_service_pb2.FollowResponse(
                    records=[self.ledger.record(index) for index in indexes],
                    checkpoint=self.ledger.checkpoint(),
                    cursor=str(cursor),
                )
                if self.break_after is not None:
                    self.break_after -= 1
                    if self.break_after < 0:
                        return
            else:
                await self._grown.wait()

    async def GetCase(  # noqa: N802 - gRPC's name
        self, request: exchange_service_pb2.GetCaseRequest, context: Any
    ) -> exchange_service_pb2.GetCaseResponse:
        await self._begin("GetCase", context)
        indexes = self._case(request.case_digest)
        if not indexes:
            await Failure(code=grpc.StatusCode.NOT_FOUND).abort(context)
        opener = opened(self.ledger.entries[indexes[0]].body)[1]
        page = [index for index in indexes if index >= request.from_index][: self.case_page]
        return exchange_service_pb2.GetCaseResponse(
            case_view=exchange_service_pb2.CaseView(
                case_digest=request.case_digest, protocol=dict(PROTOCOLS).get(opener.kind, "")
            ),
            records=[self.ledger.record(index) for index in page],
            checkpoint=self.ledger.checkpoint(),
            more=page[-1:] != indexes[-1:],
        )

    async def ListCases(  # noqa: N802 - gRPC's name
        self, request: exchange_service_pb2.ListCasesRequest, context: Any
    ) -> exchange_service_pb2.ListCasesResponse:
        await self._begin("ListCases", context)
        openers = [
            exchange_service_pb2.CaseView(
                case_digest=name,
                protocol=dict(PROTOCOLS)[header.kind],
                state=entry.case_state,
                opened_index=index,
                last_index=self._case(name)[-1],
            )
            for index, (entry, header, name) in enumerate(map(opened, self._bodies()))
            if header.kind in dict(PROTOCOLS) and index >= int(request.cursor or 0)
        ]
        return exchange_service_pb2.ListCasesResponse(
            cases=openers[:1],
            cursor=str(openers[0].opened_index + 1) if openers else "",
            more=len(openers) > 1,
        )

    async def ListDirectoryEntries(  # noqa: N802 - gRPC's name
        self, request: directory_service_pb2.ListDirectoryEntriesRequest, context: Any
    ) -> directory_service_pb2.ListDirectoryEntriesResponse:
        await self._begin("ListDirectoryEntries", context)
        return self.ledger.directory_page(request.from_index, min(request.page_size, 3))

    async def GetCheckpoint(  # noqa: N802 - gRPC's name
        self, request: log_service_pb2.GetCheckpointRequest, context: Any
    ) -> log_service_pb2.GetCheckpointResponse:
        await self._begin("GetCheckpoint", context)
        if self.slow_checkpoints:
            # Made before what the caller is shown meanwhile, and late.
            until, size = self.slow_checkpoints.pop()
            note = self.ledger.checkpoint(size)
            self.slow.set()
            await until.wait()
            return log_service_pb2.GetCheckpointResponse(checkpoint=note)
        return log_service_pb2.GetCheckpointResponse(checkpoint=self.ledger.checkpoint())

    async def GetInclusionProof(  # noqa: N802 - gRPC's name
        self, request: log_service_pb2.GetInclusionProofRequest, context: Any
    ) -> log_service_pb2.GetInclusionProofResponse:
        raise NotImplementedError

    async def GetConsistencyProof(  # noqa: N802 - gRPC's name
        self, request: log_service_pb2.GetConsistencyProofRequest, context: Any
    ) -> log_service_pb2.GetConsistencyProofResponse:
        await self._begin("GetConsistencyProof", context)
        if self.proof_failures:
            await self.proof_failures.pop(0).abort(context)
        if self.refuses_proofs or request.new_size > self.ledger.size:
            await Failure(code=grpc.StatusCode.OUT_OF_RANGE).abort(context)
        proof = self.ledger.consistency(request.old_size, request.new_size)
        return log_service_pb2.GetConsistencyProofResponse(consistency_proof=proof)

    async def _begin(self, name: str, context: Any) -> None:
        self.calls.append(name)
        said = dict(context.invocation_metadata()).get("forewarn-verified-size", "0")
        self.floors.append(int(said))
        if self.honours_floors and int(said) > (1 if self._lags(name) else self.ledger.size):
            info = error_details_pb2.ErrorInfo(reason="LEDGER_UNAVAILABLE", domain="forewarn")
            behind = Failure(code=grpc.StatusCode.UNAVAILABLE, text="behind", details=(info,))
            await behind.abort(context)
        if self.failures:
            await self.failures.pop(0).abort(context)

    def _lags(self, name: str) -> bool:
        if name != "ListDirectoryEntries" or not self.lag:
            return False
        self.lag -= 1
        return True

    def _bodies(self) -> list[bytes]:
        return [entry.body for entry in self.ledger.entries]

    def _matching(
        self, wanted: exchange_service_pb2.EntryFilter, start: int, who: str
    ) -> list[int]:
        found = []
        for index, (entry, header, _) in enumerate(map(opened, self._bodies())):
            received = who in entry.audience and wanted.box != exchange_service_pb2.BOX_SENT
            sent = who == header.sender and wanted.box != exchange_service_pb2.BOX_RECEIVED
            asked_for = not wanted.kinds or header.kind in wanted.kinds
            if index >= start and (received or sent) and asked_for:
                found.append(index)
        return found

    def _case(self, name: bytes) -> list[int]:
        return [
            index
            for index, (_, header, own) in enumerate(map(opened, self._bodies()))
            if name in (own, header.case_digest)
        ]


def _uri(context: Any) -> str:
    (uri,) = [name.decode() for name in context.auth_context()["peer_spiffe_id"]]
    return str(uri)


def _caller(context: Any) -> str:
    return _uri(context).split("/")[-2]
