//! What is wrong with a message, and what to answer.

use std::fmt;

use nano_base::problem::Problem;

/// Why a peer's bytes are refused. After it the connection is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The peer speaks TLS.
    Tls,
    /// The peer does not speak TLS, and should.
    NeedsTls,
    /// More than one empty line before a request.
    EmptyLines,
    /// The method is not a token, or has small letters.
    Method,
    /// The method is longer than any that is known.
    MethodTooLong,
    /// The target is none of the forms there are, or has bytes that no URL has.
    Target,
    /// The target is longer than allowed.
    TargetTooLong,
    /// `CONNECT`: this is no proxy.
    Connect,
    /// An HTTP/0.9 request.
    NoVersion,
    /// The version is malformed.
    Version,
    /// A version that is not spoken here.
    UnknownVersion,
    /// The preface of HTTP/2.
    Http2,
    /// A line ends in LF without CR.
    BareLineFeed,
    /// A header that goes on in the next line, or a first header line that begins with a space.
    Folded,
    /// A header's name is not a token, or not followed by a colon.
    HeaderName,
    /// A header's value has control characters.
    HeaderValue,
    /// More header lines than allowed.
    TooManyHeaders,
    /// More bytes than allowed.
    HeadTooLong,
    /// No `Host`.
    HostMissing,
    /// More than one `Host`.
    HostTwice,
    /// `Host` is not a host with perhaps a port.
    HostInvalid,
    /// The target names another host than `Host`.
    HostDiffers,
    /// The target's scheme is not that of the connection.
    Misdirected,
    /// `Content-Length` is not a number, or too large a one.
    LengthInvalid,
    /// More than one `Content-Length`.
    LengthTwice,
    /// `Content-Length` with `Transfer-Encoding`.
    LengthAndEncoding,
    /// The last transfer coding is not `chunked`, or it is there twice, or between tabs.
    EncodingInvalid,
    /// A transfer coding besides `chunked`.
    EncodingUnknown,
    /// `Transfer-Encoding` in HTTP/1.0, which has none.
    EncodingTooOld,
    /// An expectation that is not `100-continue`.
    Expectation,
    /// A chunk's size is not hexadecimal, or too large.
    ChunkSize,
    /// Chunk extensions are malformed, or longer than allowed.
    ChunkExtension,
    /// A chunk does not end where its size says.
    ChunkEnd,
    /// Trailers are malformed.
    Trailer,
    /// Trailers are longer than allowed.
    TrailerTooLong,
    /// The connection ended within a message.
    Truncated,
    /// The status line is malformed.
    StatusLine,
    /// Too many interim responses.
    Interims,
    /// 101 was not asked for.
    Switched,
}

impl Fault {
    /// The status that a server answers with.
    pub fn status(self) -> u16 {
        match self {
            Self::TargetTooLong => 414,
            Self::Expectation => 417,
            Self::Misdirected => 421,
            Self::TooManyHeaders | Self::HeadTooLong | Self::TrailerTooLong => 431,
            Self::MethodTooLong | Self::Connect | Self::EncodingUnknown => 501,
            Self::UnknownVersion | Self::Http2 => 505,
            Self::StatusLine | Self::Interims | Self::Switched => 502,
            _ => 400,
        }
    }

    /// What a client is told.
    pub fn problem(self) -> Problem {
        let problem = match self.status() {
            417 => Problem::EXPECTATION,
            421 => Problem::MISDIRECTED,
            501 => Problem::NOT_IMPLEMENTED,
            502 => Problem::BAD_RESPONSE,
            505 => Problem::HTTP_VERSION,
            status @ (414 | 431) => Problem { status, code: "TOO_LARGE", ..Problem::BAD_REQUEST },
            _ => Problem::BAD_REQUEST,
        };
        problem.because(self.sentence())
    }

    /// What is wrong, in a sentence without its full stop.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Tls => "this port speaks HTTP without TLS; use http:// instead of https://",
            Self::NeedsTls => "this port speaks HTTP with TLS; use https:// instead of http://",
            Self::EmptyLines => "a request begins with its method; at most one empty line may stand before it",
            Self::Method => "the method is not an HTTP token in capital letters",
            Self::MethodTooLong => "the method is longer than any that is known",
            Self::Target => "the request target is neither a path nor an absolute URL, or has bytes that must be percent-encoded",
            Self::TargetTooLong => "the request target is too long",
            Self::Connect => "CONNECT is for proxies, and this is none",
            Self::NoVersion => "the request line has no version; HTTP/0.9 is not spoken here",
            Self::Version => "the version is malformed; it is written HTTP/1.1",
            Self::UnknownVersion => "this version of HTTP is not spoken here; HTTP/1.1 and HTTP/1.0 are",
            Self::Http2 => "HTTP/2 is not spoken here without TLS; use HTTP/1.1",
            Self::BareLineFeed => "a line ends in LF without CR",
            Self::Folded => "a header line begins with white space; line folding is obsolete",
            Self::HeaderName => "a header's name is not an HTTP token directly followed by a colon",
            Self::HeaderValue => "a header's value has control characters",
            Self::TooManyHeaders => "there are too many headers",
            Self::HeadTooLong => "the headers are too long",
            Self::HostMissing => "the Host header is missing",
            Self::HostTwice => "there is more than one Host header",
            Self::HostInvalid => "the Host header is not a host name or address with, perhaps, a port",
            Self::HostDiffers => "the request target names another host than the Host header",
            Self::Misdirected => "the scheme of the request target is not that of the connection",
            Self::LengthInvalid => "Content-Length is not one decimal number of at most 64 bits",
            Self::LengthTwice => "there is more than one Content-Length",
            Self::LengthAndEncoding => "there are both Content-Length and Transfer-Encoding",
            Self::EncodingInvalid => "Transfer-Encoding is not exactly \"chunked\"",
            Self::EncodingUnknown => "no transfer coding but \"chunked\" is understood",
            Self::EncodingTooOld => "HTTP/1.0 has no Transfer-Encoding",
            Self::Expectation => "no expectation but 100-continue can be met",
            Self::ChunkSize => "a chunk's size is not a hexadecimal number of at most 64 bits",
            Self::ChunkExtension => "chunk extensions are malformed or too long",
            Self::ChunkEnd => "a chunk does not end in CRLF where its size says",
            Self::Trailer => "a trailer is not a header line that ends in CRLF",
            Self::TrailerTooLong => "the trailers are too long",
            Self::Truncated => "the connection ended within a message",
            Self::StatusLine => "the response does not begin with an HTTP/1 status line",
            Self::Interims => "there are too many interim responses",
            Self::Switched => "the server switched protocols without being asked",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.sentence())
    }
}

impl std::error::Error for Fault {}

/// Why a head is not written. Nothing of it has been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unwritable {
    /// A status outside 200 to 999.
    Status,
    /// A header's name is not a token, or its value has CR, LF or NUL.
    Header,
    /// The method is not a token, or too long.
    Method,
    /// The target is empty or has bytes that would end it.
    Target,
    /// The host is empty or has bytes that would end it.
    Host,
}

impl fmt::Display for Unwritable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Status => "the status is not between 200 and 999",
            Self::Header => "a header's name is not an HTTP token, or its value would split the message",
            Self::Method => "the method is not an HTTP token in capital letters",
            Self::Target => "the request target would split the message",
            Self::Host => "the host would split the message",
        })
    }
}

impl std::error::Error for Unwritable {}
