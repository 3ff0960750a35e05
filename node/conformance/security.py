"""N.8: secure transport, who is admitted, what is not done."""

from __future__ import annotations

import ssl

from node.conformance.markdown import bullets
from node.tls import CIPHERS


def cipher_suites() -> list[str]:
    """The suites of TLS 1.2 that are offered and taken, by OpenSSL's names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(CIPHERS)
    return sorted(str(suite["name"]) for suite in context.get_ciphers() if suite["protocol"] != "TLSv1.3")


def security() -> str:
    """The section."""
    return f"""\
### N.8.1 Secure transport

TLS by BCP 195 (PS3.15 B.12, B.13), on a port of its own beside the plain one; either may be left out. Versions 1.2
and 1.3; renegotiation, compression, session tickets and resumption are off. Suites of TLS 1.3 are those of the
installed OpenSSL; of TLS 1.2:

{bullets(cipher_suites())}

The node shows a certificate and by default demands one of the peer, from authorities that the settings name; the
system's own authorities never count. A revocation list may be given. Certificates are read anew when their files
change, without a restart; open associations go on. An entry of the settings may bind AE titles to certificates, by
SHA-256 fingerprint or by subject or DNS name.

Connections of our own to a peer use TLS where its entry in the settings says so: the same versions and suites, our
certificate, and a peer's certificate from named authorities, which must name its host unless the settings leave that
out.

### N.8.2 Association level

Nobody is admitted by default. An entry of the settings admits by any of: addresses (CIDR), calling AE titles, called
AE titles, certificates, users. What it grants is limited to services, SOP Classes, transfer syntaxes and a number of
associations. An address that no entry could admit is disconnected before a byte is read. Admission is renewed for
each C-STORE: when the settings no longer allow an open association, it is answered 0124.

User identity (PS3.7 D.3.3.7): user name, and user name with passcode. Kerberos, SAML and JSON Web Token are not
supported. A positive response is sent when it is asked for and the user was verified. Passcodes are kept as salted
hashes.

### N.8.3 Application level

Signatures in instances are kept, since data sets are stored bit by bit as received; they are neither verified nor
made. Audit trail messages (PS3.15 A.5), de-identification, media security and secure time are not supported. Names of
files and keys never contain what a peer has sent. Logs hold no attributes of data sets."""
