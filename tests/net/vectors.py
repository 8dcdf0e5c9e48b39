"""Raw requests that servers have been known to disagree about, and how nanod has to answer each.

Every vector is followed by one plain request (END), so that it can be seen where a server believes that the next request begins. WANT has
a character for each response: 2 for a request that was accepted, x for a refusal, after which the connection ends.
"""

from typing import NamedTuple

OK, NO, ONE, THREE = "22", "x", "2", "222"
# The request itself is good; what is behind it is none.
OK_THEN_NO = "2x"
END = b"GET /end HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
BODY = b"hello"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"


class Vector(NamedTuple):
    name: str
    raw: bytes
    want: str


def get(target: bytes = b"/v", headers: bytes = b"Host: a\r\n", version: bytes = b"HTTP/1.1") -> bytes:
    return b"GET " + target + b" " + version + b"\r\n" + headers + b"\r\n"


def post(headers: bytes, body: bytes = BODY, version: bytes = b"HTTP/1.1") -> bytes:
    return b"POST /v " + version + b"\r\nHost: a\r\n" + headers + b"\r\n" + body


def chunked(body: bytes) -> bytes:
    return post(b"Transfer-Encoding: chunked\r\n", body)


def text(raw: bytes) -> str:
    return raw.decode("latin-1").encode("unicode_escape").decode()


def lengths():
    for value in (b"+5", b"-5", b"0x5", b"5 5", b"5,5", b"5, 5", b"5;", b"5e0", b"", b"5.0", b"99999999999999999999",
                  b"18446744073709551616", b"\xef\xbc\x95", b"\x0b5", b"5\x00", b"five", b"5_0", b"5,"):
        yield f"Content-Length: {text(value)}", post(b"Content-Length: " + value + b"\r\n"), NO
    for value in (b"5", b"05", b"0000000005", b" 5", b"\t5", b"5 "):
        yield f"Content-Length: '{text(value)}'", post(b"Content-Length:" + value + b"\r\n"), OK
    yield "Content-Length twice, the same", post(b"Content-Length: 5\r\nContent-Length: 5\r\n"), NO
    yield "Content-Length twice, not the same", post(b"Content-Length: 5\r\nContent-Length: 0\r\n"), NO
    yield "Content-Length twice, in other letters", post(b"Content-Length: 0\r\ncontent-length: 5\r\n"), NO
    yield "Content-Length too small", post(b"Content-Length: 3\r\n"), OK_THEN_NO
    yield "Content-Length that ends within the next request", post(b"Content-Length: 9\r\n") + b"GET " + SMUGGLED, THREE
    yield "Content_Length beside Content-Length", post(b"Content_Length: 0\r\nContent-Length: 5\r\n"), OK
    yield "Content-Length, then a space", post(b"Content-Length : 5\r\n"), NO
    yield "Content-Length that Connection lists", post(b"Connection: Content-Length\r\nContent-Length: 5\r\n"), OK
    yield "a GET with a body", get(headers=b"Host: a\r\nContent-Length: 5\r\n") + BODY, OK
    yield "a GET whose body is a request", get(headers=b"Host: a\r\nContent-Length: %d\r\n" % len(SMUGGLED)) + SMUGGLED, OK


def encodings():
    good = b"5\r\nhello\r\n0\r\n\r\n"
    for value in (b"xchunked", b"chunked, chunked", b"chunked, identity", b"identity", b"identity, chunked", b"gzip, chunked", b"gzip",
                  b'"chunked"', b"chunked;q=1", b"chunked\x0b", b"\x0bchunked", b"\x0cchunked", b"chunked,", b",chunked", b"", b"chunk",
                  b"cow, chunked", b"chunked\x00", b"chunked\x7f", b"chunked chunked", b"\xa0chunked", b"chunked\r", b"x chunked"):
        yield f"Transfer-Encoding: {text(value)}", post(b"Transfer-Encoding: " + value + b"\r\n", good), NO
    for value in (b"chunked", b" chunked", b"Chunked", b"CHUNKED", b"chunked "):
        yield f"Transfer-Encoding: '{text(value)}'", post(b"Transfer-Encoding:" + value + b"\r\n", good), OK
    for value in (b"\tchunked", b"chunked\t", b"chunked \t", b" \t chunked"):
        yield f"Transfer-Encoding: '{text(value)}'", post(b"Transfer-Encoding:" + value + b"\r\n", good), NO
    for first, second in ((b"chunked", b"chunked"), (b"chunked", b"identity"), (b"identity", b"chunked"), (b"chunked", b"cow"), (b"", b"chunked")):
        lines = b"Transfer-Encoding: " + first + b"\r\nTransfer-Encoding: " + second + b"\r\n"
        yield f"Transfer-Encoding: {text(first)}, then {text(second)}", post(lines, good), NO
    both = b"5\r\nhello\r\n0\r\n\r\n"
    yield "CL.TE", post(b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n" % len(both), both), NO
    yield "TE.CL", post(b"Transfer-Encoding: chunked\r\nContent-Length: %d\r\n" % len(both), both), NO
    yield "CL.0 and TE", post(b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", both), NO
    yield "CL.TE with a request in the rest", post(b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n") + SMUGGLED, NO
    yield "TE.TE, one of them hidden", post(b"Transfer-Encoding: chunked\r\nTransfer-encoding: cow\r\n", good), NO
    for name in (b"Transfer-Encoding :", b"Transfer-Encoding\t:", b"Transfer-Encoding\x00:", b"\x00Transfer-Encoding:", b" Transfer-Encoding:",
                 b"Transfer-Encod\xc4\xb1ng:", b"Transfer Encoding:", b"Transfer-Encoding\x0b:", b"X: y\rTransfer-Encoding:",
                 b"X: y\nTransfer-Encoding:", b"X: y\r\n\rTransfer-Encoding:", b"Transfer-Encoding\r\n :", b"Transfer-Encoding:\x00",
                 b"Transfer-Encoding:\r\n"):
        yield f"hidden: {text(name)} chunked", post(b"Content-Length: %d\r\n" % len(good) + name + b" chunked\r\n", good), NO
    yield "Transfer_Encoding beside Content-Length", post(b"Content-Length: 15\r\nTransfer_Encoding: chunked\r\n", good), OK
    yield "TE is not Transfer-Encoding", post(b"TE: chunked\r\nContent-Length: 15\r\n", good), OK
    yield "HTTP/1.0 with chunks", post(b"Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n", good, b"HTTP/1.0"), NO
    yield "HTTP/1.0 with both", post(b"Transfer-Encoding: chunked\r\nContent-Length: 15\r\n", good, b"HTTP/1.0"), NO
    yield "a GET with chunks", get(headers=b"Host: a\r\nTransfer-Encoding: chunked\r\n") + good, OK


def chunks():
    last = b"0\r\n\r\n"
    for size in (b"0x5", b"+5", b"-5", b" 5", b"5 ", b"5\t", b"g", b"", b"00000000000000005", b"10000000000000005", b"fffffffffffffffff",
                 b"5\x00", b"5_0", b"5,5", b"\xef\xbc\x95", b"5;a\x00b", b"5;a\x7fb", b"5;a\rb", b"5;a\nb", b"5\n;a=b", b"5;" + b"a" * 20_000,
                 b'5;a="b\r\nc"', b"5\r\n "):
        shown = text(size) if len(size) < 40 else "5; and 20,000 bytes"
        yield f"chunk size: '{shown}'", chunked(size + b"\r\nhello\r\n" + last), NO
    for size in (b"5", b"05", b"0000000000000005", b"5;a=b", b"5;a", b'5;a="b c"', b"5 ;a=b", b"5;\x80=\xff"):
        yield f"chunk size: '{text(size)}'", chunked(size + b"\r\nhello\r\n" + last), OK
    yield "chunk size in capitals", chunked(b"A\r\nhellohello\r\n" + last), OK
    yield "chunk size, LF", chunked(b"5\nhello\r\n" + last), NO
    yield "chunk data, LF", chunked(b"5\r\nhello\n" + last), NO
    yield "chunk data, nothing", chunked(b"5\r\nhello" + last), NO
    yield "chunk data longer than its size", chunked(b"3\r\nhello\r\n" + last), NO
    yield "chunk data, two bytes that are not CRLF", chunked(b"5\r\nhelloXX" + last), NO
    yield "last chunk, LF", chunked(b"5\r\nhello\r\n0\n\n"), NO
    yield "last chunk, then LF", chunked(b"5\r\nhello\r\n0\r\n\n"), NO
    yield "last chunk with many zeros", chunked(b"5\r\nhello\r\n0000000000000000\r\n\r\n"), OK
    yield "last chunk with an extension", chunked(b"5\r\nhello\r\n0;a=b\r\n\r\n"), OK
    yield "no chunk but the last", chunked(last), OK
    yield "one byte in each of 2,000 chunks", chunked(b"1\r\na\r\n" * 2_000 + last), OK
    for name, trailer, want in (
        ("good", b"X: y\r\n", OK), ("Content-Length", b"Content-Length: 9\r\n", OK), ("Transfer-Encoding", b"Transfer-Encoding: chunked\r\n", OK),
        ("without a colon", b"X\r\n", NO), ("folded", b"X: y\r\n z\r\n", NO), ("LF", b"X: y\n", NO), ("NUL", b"X: \x00\r\n", NO),
        ("space before the colon", b"X : y\r\n", NO), ("a name of nothing", b": y\r\n", NO), ("20,000 bytes", b"X: " + b"y" * 20_000 + b"\r\n", NO),
        ("CR", b"X: y\rZ: 1\r\n", NO), ("200 of them", b"X: y\r\n" * 200, NO),
    ):
        yield f"trailer: {name}", chunked(b"5\r\nhello\r\n0\r\n" + trailer + b"\r\n"), want


def lines():
    yield "LF everywhere", b"GET /v HTTP/1.1\nHost: a\n\n", NO
    yield "LF after the request line", b"GET /v HTTP/1.1\nHost: a\r\n\r\n", NO
    yield "LF after a header", b"GET /v HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", NO
    yield "LF at the end of the head", b"GET /v HTTP/1.1\r\nHost: a\r\n\n", NO
    yield "CR CR LF", b"GET /v HTTP/1.1\r\nHost: a\r\r\n\r\n", NO
    yield "CR alone ends a line", b"GET /v HTTP/1.1\rHost: a\r\n\r\n", NO
    yield "an empty line before", b"\r\n" + get(), OK
    yield "two empty lines before", b"\r\n\r\n" + get(), NO
    yield "LF before", b"\n" + get(), NO
    yield "a space before", b" " + get(), NO
    for name, header, want in (
        ("folded with a space", b"X: y\r\n z\r\n", NO), ("folded with a tab", b"X: y\r\n\tz\r\n", NO), ("space before the colon", b"X : y\r\n", NO),
        ("no name", b": y\r\n", NO), ("no colon", b"X\r\n", NO), ("NUL in the name", b"X\x00: y\r\n", NO), ("NUL in the value", b"X: \x00\r\n", NO),
        ("CR in the value", b"X: a\rb\r\n", NO), ("DEL in the value", b"X: a\x7fb\r\n", NO), ("a control character", b"X: \x01\r\n", NO),
        ("a parenthesis in the name", b"X(: y\r\n", NO), ("a comma in the name", b"X,Y: y\r\n", NO), ("bytes above 127 in the name", b"X\xe9: y\r\n", NO),
        ("bytes above 127 in the value", b"X: \xe9\r\n", OK), ("an empty value", b"X:\r\n", OK), ("all that a token may be", b"!#$%&'*+-.^_`|~0aZ: y\r\n", OK),
        ("a quoted name", b'"X": y\r\n', NO), ("a tab in the value", b"X: a\tb\r\n", OK), ("200 of them", b"X: y\r\n" * 200, NO),
        ("200,000 bytes", b"X: " + b"y" * 200_000 + b"\r\n", NO),
    ):
        yield f"header: {name}", get(headers=b"Host: a\r\n" + header), want
    yield "folded at the beginning", get(headers=b" X: y\r\nHost: a\r\n"), NO


def request_lines():
    yield "HTTP/0.9", b"GET /v\r\n\r\n", NO
    yield "HTTP/0.9 in name", get(version=b"HTTP/0.9"), NO
    for version in (b"HTTP/1.2", b"HTTP/2.0", b"HTTP/3.0", b"HTTP/1", b"http/1.1", b"HTTP/01.1", b"HTTP/1.10", b"HTP/1.1", b"HTTP/1.1 ",
                    b"HTTP/1,1", b"HTTP /1.1", b"ICE/1.0", b"HTTP/-1.1", b"HTTP/1.1\x00"):
        yield f"version: '{text(version)}'", get(version=version), NO
    yield "HTTP/1.0", get(version=b"HTTP/1.0"), ONE
    yield "HTTP/1.0 with keep-alive", get(version=b"HTTP/1.0", headers=b"Host: a\r\nConnection: keep-alive\r\n"), OK
    yield "HTTP/1.0 without Host", get(version=b"HTTP/1.0", headers=b""), ONE
    for target, want in (
        (b"*", NO), (b"v", NO), (b"?x", NO), (b"/v#f", NO), (b"/a b", NO), (b"/\x00", NO), (b"/\xe9", NO), (b"/\x7f", NO), (b"", NO), (b"\t/v", NO),
        (b" /v", NO), (b"//b/v", OK), (b"/v?a=b#c", NO), (b"http://a/v", OK), (b"HTTP://A/v", OK), (b"http://a", OK), (b"http://a?x", OK),
        (b"http://b/v", NO), (b"http://u@a/v", NO), (b"http://a:81/v", NO), (b"https://a/v", NO), (b"ftp://a/v", NO), (b"http:/v", NO),
        (b"http:///v", NO), (b"http://", NO), (b"/../v", OK), (b"/%00", OK), (b"/%", OK), (b"/" + b"a" * 20_000, NO), (b"a:80", NO),
    ):
        yield f"target: '{text(target) if len(target) < 60 else 'of 20,000 bytes'}'", get(target), want
    yield "CONNECT", b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", NO
    yield "OPTIONS *", b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", OK
    yield "an unknown method", b"MKNANO /v HTTP/1.1\r\nHost: a\r\n\r\n", OK
    yield "a method in small letters", b"get /v HTTP/1.1\r\nHost: a\r\n\r\n", NO
    yield "a method in mixed letters", b"Get /v HTTP/1.1\r\nHost: a\r\n\r\n", NO
    yield "a method with a hyphen", b"M-SEARCH /v HTTP/1.1\r\nHost: a\r\n\r\n", OK
    yield "a method of 100 bytes", b"M" * 100 + b" /v HTTP/1.1\r\nHost: a\r\n\r\n", NO
    yield "a method with a colon", b"GE:T /v HTTP/1.1\r\nHost: a\r\n\r\n", NO
    yield "no method", b"/v HTTP/1.1\r\nHost: a\r\n\r\n", NO
    yield "tabs between the parts", b"GET\t/v\tHTTP/1.1\r\nHost: a\r\n\r\n", NO
    yield "HTTP/2's preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", NO
    yield "TLS", b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03", NO


def hosts():
    yield "no Host", get(headers=b"X: y\r\n"), NO
    yield "Host twice, the same", get(headers=b"Host: a\r\nHost: a\r\n"), NO
    yield "Host twice, not the same", get(headers=b"Host: a\r\nHost: b\r\n"), NO
    for host, want in (
        (b"", NO), (b"a b", NO), (b"a/b", NO), (b"a@b", NO), (b"a:99999", NO), (b"a:b", NO), (b"[::1", NO), (b"a#b", NO), (b"a?b", NO), (b"a\\b", NO),
        (b"%61", NO), (b"a\x00", NO), (b"http://a", NO), (b"a:1:2", NO), (b"\xe9", NO), (b"a<b", NO), (b"[::1]", OK), (b"[::1]:80", OK), (b"a:80", OK),
        (b"a:", OK), (b"A.B", OK), (b"127.0.0.1", OK), (b"xn--bcher-kva.example", OK),
    ):
        yield f"Host: '{text(host)}'", get(headers=b"Host: " + host + b"\r\n"), want
    yield "Host, then a space", get(headers=b"Host : a\r\n"), NO
    yield "Host in a folded line", get(headers=b"X: y\r\n Host: a\r\n"), NO


def followers():
    yield "two requests at once", get() + get(), THREE
    yield "a body, then a request", post(b"Content-Length: 5\r\n") + get(), THREE
    yield "chunks, then a request", chunked(b"5\r\nhello\r\n0\r\n\r\n") + get(), THREE
    yield "Content-Length: 0, then a request", post(b"Content-Length: 0\r\n", b"") + get(), THREE
    yield "an empty line between", get() + b"\r\n" + get(), THREE
    yield "two empty lines between", get() + b"\r\n\r\n" + get(), OK_THEN_NO
    yield "Connection: close, then a request", get(headers=b"Host: a\r\nConnection: close\r\n") + SMUGGLED, ONE
    yield "Connection: close among others", get(headers=b"Host: a\r\nConnection: x, CLOSE\r\n") + SMUGGLED, ONE
    yield "rubbish behind a request", get() + b"rubbish\r\n\r\n", OK_THEN_NO
    yield "100-continue, and the body at once", post(b"Content-Length: 5\r\nExpect: 100-continue\r\n"), OK
    yield "another expectation", post(b"Content-Length: 5\r\nExpect: wonders\r\n"), NO
    yield "100-continue without a body", get(headers=b"Host: a\r\nExpect: 100-continue\r\n"), OK
    upgrade = b"Host: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"
    yield "h2c", get(headers=upgrade), OK
    yield "Upgrade to something unknown", get(headers=b"Host: a\r\nConnection: Upgrade\r\nUpgrade: cow\r\n"), OK
    yield "hop-by-hop headers in Connection", get(headers=b"Host: a\r\nConnection: Host, X-Seen\r\n"), OK


def all_vectors() -> list[Vector]:
    families = (lengths, encodings, chunks, lines, request_lines, hosts, followers)
    found = [Vector(name, raw, want) for family in families for name, raw, want in family()]
    names = [vector.name for vector in found]
    assert len(set(names)) == len(names), [name for name in names if names.count(name) > 1]
    return found


if __name__ == "__main__":
    print(len(all_vectors()))
