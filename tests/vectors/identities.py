"""Vectors of SPIFFE IDs and of the certificates that carry them."""

from collections.abc import Iterator
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.vectors.files import Vector
from tests.vectors.making import accepted, b64, known_key, refused

TRUST_DOMAIN = "exchange.example"


def uris() -> Iterator[Vector]:
    for slug, why, trust_domain, kind, member, system in (
        ("good", "A lab's system.", TRUST_DOMAIN, "lab", "aurora", "release-desk"),
        ("good-digits", "Names may begin and end with digits.", TRUST_DOMAIN, "agency", "0a9", "7"),
        ("good-longest", "The longest names.", "a" * 255, "operator", "m" * 32, "s" * 64),
        ("good-domain", "All that a trust domain may hold.", "a_b-c.9", "relay", "r", "s"),
    ):
        uri = f"spiffe://{trust_domain}/{kind}/{member}/{system}"
        named = {"trust_domain": trust_domain, "kind": kind, "member": member, "system": system}
        yield accepted("uri", f"uri-{slug}", why, {"uri": uri}, **named)
    base = f"spiffe://{TRUST_DOMAIN}"
    good = f"{base}/lab/aurora/release-desk"
    for slug, why, uri in (
        ("empty", "There is nothing.", ""),
        ("scheme", "Another scheme.", good.replace("spiffe", "https")),
        ("scheme-case", "The scheme is in lower case.", good.replace("spiffe", "SPIFFE")),
        ("no-domain", "No trust domain.", "spiffe:///lab/aurora/release-desk"),
        ("domain-case", "A trust domain is in lower case.", good.replace("ex", "EX")),
        ("domain-long", "256 are too many.", f"spiffe://{'a' * 256}/lab/aurora/desk"),
        ("port", "No port.", good.replace("example/", "example:443/")),
        ("user", "No user.", good.replace("//", "//user@")),
        ("no-path", "A trust domain alone.", base),
        ("root-path", "A path of nothing.", f"{base}/"),
        ("short-path", "No system.", f"{base}/lab/aurora"),
        ("long-path", "One segment more.", f"{good}/extra"),
        ("trailing-slash", "A slash follows.", f"{good}/"),
        ("double-slash", "An empty segment.", f"{base}/lab//release-desk"),
        ("dots", "A relative segment.", f"{base}/lab/../release-desk"),
        ("kind", "No such kind of member.", f"{base}/vendor/aurora/release-desk"),
        ("kind-case", "Kinds are in lower case.", f"{base}/LAB/aurora/release-desk"),
        ("member-case", "Names are in lower case.", f"{base}/lab/Aurora/release-desk"),
        ("member-hyphen-first", "A hyphen stands inside.", f"{base}/lab/-aurora/release-desk"),
        ("member-hyphen-last", "A hyphen stands inside.", f"{base}/lab/aurora-/release-desk"),
        ("member-long", "33 are too many.", f"{base}/lab/{'m' * 33}/release-desk"),
        ("member-dot", "SPIFFE allows dots, we do not.", f"{base}/lab/au.rora/release-desk"),
        ("system-long", "65 are too many.", f"{base}/lab/aurora/{'s' * 65}"),
        ("system-underscore", "SPIFFE allows them, we do not.", f"{base}/lab/aurora/release_desk"),
        ("percent", "Nothing is percent-encoded.", f"{base}/lab/aurora/release%2Ddesk"),
        ("query", "No query.", f"{good}?a=b"),
        ("fragment", "No fragment.", f"{good}#a"),
        ("newline", "Nothing follows.", f"{good}\n"),
        ("nul", "No control characters.", f"{good}\x00"),
        ("not-ascii", "A letter that only looks like one.", good.replace("a", "\u0430")),
        ("other-digits", "Digits are 0 to 9.", f"{base}/lab/aurora/desk\u0661"),
        ("too-long", "2049 bytes are too many.", f"{base}/lab/aurora/".ljust(2049, "s")),
    ):
        yield refused("uri", f"uri-{slug}", why, {"uri": uri}, "SPIFFE_ID_MALFORMED")


def certificate(
    *names: x509.GeneralName,
    usages: tuple[x509.ObjectIdentifier, ...] = (ExtendedKeyUsageOID.CLIENT_AUTH,),
    common_name: str = "not read",
    ca: bool = False,
    signs: str = "",
) -> str:
    """Issue a certificate that is the same each time: an Ed25519 signature has no randomness."""
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(named)
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "vector issuer")]))
        .public_key(ec.derive_private_key(7, ec.SECP256R1()).public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2020, 1, 2, tzinfo=UTC))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if signs:
        builder = builder.add_extension(_key_usage(signs), critical=True)
    if usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    return b64(builder.sign(known_key("issuer"), None).public_bytes(Encoding.DER))


def _key_usage(asserted: str) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=asserted == "certificates",
        crl_sign=asserted == "lists",
        encipher_only=False,
        decipher_only=False,
    )


def certificates() -> Iterator[Vector]:
    good = f"spiffe://{TRUST_DOMAIN}/lab/aurora/release-desk"
    uri = x509.UniformResourceIdentifier
    dns = x509.DNSName("desk.aurora.example")
    client, server = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH
    for slug, why, issued in (
        ("good", "One URI SAN, for clients.", certificate(uri(good))),
        (
            "good-both",
            "For servers and clients, with a DNS name beside the URI.",
            certificate(dns, uri(good), usages=(server, client)),
        ),
        (
            "good-key-usage",
            "Its key signs handshakes, and nothing else.",
            certificate(uri(good), signs="nothing else"),
        ),
    ):
        given = {"certificate": issued, "trust_domain": TRUST_DOMAIN}
        yield accepted("certificate", f"certificate-{slug}", why, given, uri=good)

    def no(slug: str, why: str, reason: str, issued: str) -> Vector:
        given = {"certificate": issued, "trust_domain": TRUST_DOMAIN}
        return refused("certificate", f"certificate-{slug}", why, given, reason)

    missing, malformed = "SPIFFE_ID_MISSING", "SPIFFE_ID_MALFORMED"
    yield no(
        "no-san", "The name is never taken from the CN.", missing, certificate(common_name=good)
    )
    yield no("dns-only", "A DNS name is no SPIFFE ID.", missing, certificate(dns))
    other = uri(f"spiffe://{TRUST_DOMAIN}/lab/borealis/desk")
    web = uri("https://aurora.example/")
    two = "SPIFFE_ID_AMBIGUOUS"
    yield no("two", "Two SPIFFE IDs.", two, certificate(uri(good), other))
    yield no("twice", "The same one twice is two.", two, certificate(uri(good), uri(good)))
    yield no("and-web", "A second URI of any scheme.", two, certificate(uri(good), web))
    yield no("web", "A URI of another scheme.", malformed, certificate(web))
    yield no("shape", "Not our path.", malformed, certificate(uri(f"spiffe://{TRUST_DOMAIN}/ns/x")))
    yield no("signing", "It signs certificates.", malformed, certificate(uri(good), ca=True))
    yield no("junk", "These bytes are no certificate.", malformed, b64(b"\x30\x03\x02\x01\x00"))
    for slug in ("certificates", "lists"):
        signing = certificate(uri(good), signs=slug)
        yield no(f"signs-{slug}", f"Its key usage lets it sign {slug}.", malformed, signing)
    foreign = uri("spiffe://elsewhere.example/lab/aurora/release-desk")
    mesh = uri("spiffe://elsewhere.example/ns/default/sa/web")
    away = "TRUST_DOMAIN_FOREIGN"
    yield no("foreign", "Another trust domain.", away, certificate(foreign))
    yield no("foreign-mesh", "Another one, with its own paths.", away, certificate(mesh))
    eku = "CLIENT_AUTH_EKU_MISSING"
    any_use = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE
    yield no("no-eku", "It says no usage.", eku, certificate(uri(good), usages=()))
    yield no("server-only", "For servers only.", eku, certificate(uri(good), usages=(server,)))
    yield no("any-eku", "Any is not enough.", eku, certificate(uri(good), usages=(any_use,)))
