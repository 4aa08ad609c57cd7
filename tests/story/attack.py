"""Calls that no honest client makes, on the real wire, as a process of its own.

* It holds what it is given: one member's folder, or a certificate and key, or nothing at all.
* It prints what came back, whole, one object a line: an answer, or code, text, reason and every
  byte of the details, so that two refusals can be compared. Their places in the audit log, which
  differ, stand by themselves.

It judges nothing. Run it as a file: `python attack.py ...`.
"""

import argparse
import hashlib
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2

from forewarn.exchange.v1 import (
    envelope_pb2,
    exchange_service_pb2,
    exchange_service_pb2_grpc,
    log_service_pb2,
    log_service_pb2_grpc,
)
from forewarn_client import dsse
from forewarn_client.home import Home

SECONDS = 20.0
_DETAILS = "grpc-status-details-bin"
_ACTS = ("sign", "submit", "change", "fetch", "compare", "size", "call")


def answer(call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Make a call, and say all that came back."""
    try:
        return call()
    except grpc.RpcError as error:
        return refusal(error)


def refusal(error: Any) -> dict[str, Any]:
    """Write an error answer, whole."""
    trailing = {
        key: value if isinstance(value, str) else value.hex()
        for key, value in error.trailing_metadata() or ()
    }
    reason, place = "", ""
    status = status_pb2.Status.FromString(bytes.fromhex(trailing.get(_DETAILS, "")))
    for detail in status.details:
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            reason, place = info.reason, info.metadata.pop("audit_index", "")
            detail.value = info.SerializeToString(deterministic=True)
    if status.details:
        trailing[_DETAILS] = status.SerializeToString(deterministic=True).hex()
    return {
        "code": error.code().name,
        "text": error.details(),
        "reason": reason,
        "trailing": trailing,
        "on_record": place,
    }


def channel(address: str, ca: bytes, key: bytes | None, chain: bytes | None) -> Any:
    """Open a connection; the generated stubs' types know asynchronous ones only."""
    credentials = grpc.ssl_channel_credentials(ca, key, chain)
    return grpc.secure_channel(address, credentials)


def of_home(home: Home) -> Any:
    """Open a connection the way the member does."""
    tls = home.tls()
    return channel(home.exchange.address, tls.ca, tls.key, tls.chain)


def submit(home: Home, envelope: bytes) -> dict[str, Any]:
    """Hand in bytes as they are."""
    stub: Any = exchange_service_pb2_grpc.ExchangeServiceStub(of_home(home))
    request = exchange_service_pb2.SubmitRequest(envelope=envelope)
    response = stub.Submit(request, timeout=SECONDS)
    return {
        "index": response.receipt.index,
        "digest": response.digest.hex(),
        "entry": hashlib.sha256(response.entry_body).hexdigest(),
        "salt": hashlib.sha256(response.receipt.salt).hexdigest(),
    }


def fetch(home: Home, name: str) -> dict[str, Any]:
    """Ask for an entry (`index:7`, `digest:ab..`) or a case (`case:ab..`)."""
    stub: Any = exchange_service_pb2_grpc.ExchangeServiceStub(of_home(home))
    what, _, value = name.partition(":")
    if what == "case":
        case = exchange_service_pb2.GetCaseRequest(case_digest=bytes.fromhex(value))
        return {"entries": len(stub.GetCase(case, timeout=SECONDS).records)}
    entry = exchange_service_pb2.GetEntryRequest()
    if what == "index":
        entry.index = int(value)
    else:
        entry.digest = bytes.fromhex(value)
    return {"index": stub.GetEntry(entry, timeout=SECONDS).record.index}


def sign(home: Home, payload: bytes, keyid: str) -> bytes:
    """Sign any statement, also another member's, under a key id of choice."""
    signer = home.signers()[0]
    envelope = envelope_pb2.Envelope(payload=payload, payload_type=dsse.PAYLOAD_TYPE)
    message = dsse.pae(envelope.payload_type, payload)
    envelope.signatures.add(sig=signer.sign(message), keyid=keyid or signer.keyid)
    return envelope.SerializeToString(deterministic=True)


def change(envelope: bytes) -> bytes:
    """Change one byte of what was signed: the last, which ends a text of the body."""
    changed = envelope_pb2.Envelope.FromString(envelope)
    payload = bytearray(changed.payload)
    payload[-1] ^= 1
    changed.payload = bytes(payload)
    return changed.SerializeToString(deterministic=True)


def call_anything(connection: Any) -> dict[str, Any]:
    """Ask for the newest checkpoint, which any member may read."""
    stub: Any = log_service_pb2_grpc.LogServiceStub(connection)
    response = stub.GetCheckpoint(log_service_pb2.GetCheckpointRequest(), timeout=SECONDS)
    # A checkpoint's second line is the tree's size (C2SP tlog-checkpoint).
    return {"size": int(response.checkpoint.split(b"\n")[1])}


def compare(home: Home, sizes: str) -> dict[str, Any]:
    """Ask for the proof that the log of one size goes on from that of a smaller one (`7:12`)."""
    stub: Any = log_service_pb2_grpc.LogServiceStub(of_home(home))
    old, _, new = sizes.partition(":")
    request = log_service_pb2.GetConsistencyProofRequest(old_size=int(old), new_size=int(new))
    proof = stub.GetConsistencyProof(request, timeout=SECONDS).consistency_proof
    return {"proof": [item.hex() for item in proof]}


def main(arguments: Sequence[str] | None = None) -> None:
    """Do one thing, and print what came back."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path, default=Path())
    parser.add_argument("--address", default="")
    parser.add_argument("--ca", type=Path, default=Path())
    parser.add_argument("--chain", type=Path)
    parser.add_argument("--key", type=Path)
    parser.add_argument("--keyid", default="")
    parser.add_argument("act", choices=_ACTS)
    parser.add_argument("what", nargs="*")
    given = parser.parse_args(arguments)
    if given.act == "call":
        pems = [path.read_bytes() if path else None for path in (given.key, given.chain)]
        connection = channel(given.address, given.ca.read_bytes(), pems[0], pems[1])
        print(json.dumps(answer(partial(call_anything, connection))))
        return
    home = Home.load(given.home)
    if given.act == "size":
        print(json.dumps(answer(partial(call_anything, of_home(home)))))
        return
    if given.act == "sign":
        payload, target = map(Path, given.what)
        target.write_bytes(sign(home, payload.read_bytes(), given.keyid))
        return
    for name in given.what:
        if given.act == "fetch":
            said = answer(partial(fetch, home, name))
        elif given.act == "compare":
            said = answer(partial(compare, home, name))
        else:
            envelope = Path(name).read_bytes()
            bytes_to_send = change(envelope) if given.act == "change" else envelope
            said = answer(partial(submit, home, bytes_to_send))
        print(json.dumps(said))


if __name__ == "__main__":
    main()
