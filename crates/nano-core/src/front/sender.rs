//! Who a request comes from, and how: the only place that says so to apps. The headers are those by which apps on Workers learn of it;
//! what a client itself puts there is not passed on, for anybody can claim anything.
//!
//! Behind a proxy the connection is the proxy's, and what it has put last into `X-Forwarded-For` and `X-Forwarded-Proto` is believed: that
//! part is the proxy's own, whatever the client has sent before it.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};

use nano_base::http::{Headers, RequestHead};

/// Whether a header says what only we say, wherever the request comes from: the client's address, by any of its names.
fn is_ours(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 8] = [
        b"cf-connecting-ip",
        b"cf-connecting-ipv6",
        b"cf-pseudo-ipv4",
        b"x-real-ip",
        b"x-forwarded-proto",
        b"true-client-ip",
        b"x-client-ip",
        b"x-cluster-client-ip",
    ];
    NAMES.contains(&name)
}

/// Whether a header is the proxies': how a request has come to them and, as Cloudflare's say it, from where in the world and by which of them.
fn is_of_proxies(name: &[u8]) -> bool {
    name.starts_with(b"cf-") || name.starts_with(b"x-forwarded-") || name == b"forwarded"
}

/// Writes into a request who sends it.
pub(super) fn introduce(head: &mut RequestHead, peer: Option<IpAddr>, secure: bool, behind_proxy: bool) {
    let (address, secure) = match behind_proxy {
        true => (forwarded_for(&head.headers).or(peer), forwarded_proto(&head.headers).unwrap_or(secure)),
        false => (peer, secure),
    };
    let replaced = |name: &[u8]| is_ours(name) || (!behind_proxy && is_of_proxies(name));
    if head.headers.iter().any(|(name, _)| replaced(name)) {
        let mut kept = Headers::new();
        for (name, value) in head.headers.iter().filter(|(name, _)| !replaced(name)) {
            let pushed = kept.push(name, value);
            debug_assert!(pushed, "they were headers");
        }
        head.headers = kept;
    }
    if let Some(address) = address {
        let mut buffer = [0; ADDRESS_BYTES_MAX];
        let address = text(address.to_canonical(), &mut buffer);
        head.headers.append(b"cf-connecting-ip", address);
        head.headers.append(b"x-real-ip", address);
        if !behind_proxy || head.headers.value(b"x-forwarded-for").is_none() {
            head.headers.append(b"x-forwarded-for", address);
        }
    }
    head.headers.append(b"x-forwarded-proto", if secure { b"https" } else { b"http" });
    match (secure, head.url.strip_prefix("http://")) {
        (true, Some(rest)) => head.url = format!("https://{rest}"),
        _ if secure => {}
        _ => {
            if let Some(rest) = head.url.strip_prefix("https://") {
                head.url = format!("http://{rest}");
            }
        }
    }
}

/// The longest text of an address.
const ADDRESS_BYTES_MAX: usize = "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255".len();

/// An address as it is written. Most are of four bytes, and every request has one, so those are not left to the formatter.
fn text(address: IpAddr, buffer: &mut [u8; ADDRESS_BYTES_MAX]) -> &[u8] {
    let mut rest = &mut buffer[..];
    match address {
        IpAddr::V4(address) => {
            for (at, octet) in address.octets().into_iter().enumerate() {
                let mut put = |byte: u8| {
                    if let Some(next) = rest.split_off_first_mut() {
                        *next = byte;
                    }
                };
                if at > 0 {
                    put(b'.');
                }
                for (unit, least) in [(100, 100), (10, 10), (1, 0)] {
                    if octet >= least {
                        put(b'0' + octet / unit % 10);
                    }
                }
            }
        }
        // There is room for every address.
        IpAddr::V6(address) => drop(write!(rest, "{address}")),
    }
    let left = rest.len();
    &buffer[..ADDRESS_BYTES_MAX - left]
}

/// What stands last in a list that may go on over several headers.
fn last<'a>(headers: &'a Headers, name: &[u8]) -> Option<&'a str> {
    let value = headers.iter().filter(|(candidate, _)| *candidate == name).last()?.1;
    std::str::from_utf8(value).ok()?.rsplit(',').next().map(str::trim)
}

/// The address that the proxy has been asked from; some write the port too.
fn forwarded_for(headers: &Headers) -> Option<IpAddr> {
    let text = last(headers, b"x-forwarded-for")?;
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

/// Whether the proxy has been asked by TLS.
fn forwarded_proto(headers: &Headers) -> Option<bool> {
    let text = last(headers, b"x-forwarded-proto")?;
    [("https", true), ("http", false)].into_iter().find(|(name, _)| text.eq_ignore_ascii_case(name)).map(|(_, secure)| secure)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(headers: &[(&str, &str)], behind_proxy: bool) -> (String, String) {
        let mut head = RequestHead { url: "http://a/x".into(), ..RequestHead::default() };
        for (name, value) in headers {
            assert!(head.headers.push(name.as_bytes(), value.as_bytes()));
        }
        introduce(&mut head, "::ffff:192.0.2.1".parse().ok(), false, behind_proxy);
        (head.url, String::from_utf8(head.headers.as_flat().to_vec()).unwrap().replace('\n', " "))
    }

    fn written(address: IpAddr) -> String {
        String::from_utf8(text(address, &mut [0; ADDRESS_BYTES_MAX]).to_vec()).unwrap()
    }

    #[test]
    fn addresses_are_written_as_everybody_writes_them() {
        for octet in 0..=255 {
            let address = IpAddr::from([octet, 0, 255 - octet, octet]);
            assert_eq!(written(address), address.to_string());
        }
        for address in ["2001:db8::1", "1111:2222:3333:4444:5555:6666:7777:8888", "::"] {
            assert_eq!(written(address.parse().unwrap()), address);
        }
    }

    #[test]
    fn what_a_client_claims_of_itself_is_dropped() {
        let claims = [
            ("cf-connecting-ip", "9.9.9.9"),
            ("accept", "*/*"),
            ("X-Forwarded-For", "9.9.9.9"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "bank.example"),
            ("forwarded", "for=9.9.9.9"),
            ("x-real-ip", "9.9.9.9"),
            ("CF-IPCountry", "AQ"),
            ("CF-Ray", "0-SPS"),
            ("cf-worker", "bank.example"),
            ("cf-connecting-ipv6", "::9"),
            ("x-forwarded-prefix", "/admin"),
            ("x-client-ip", "9.9.9.9"),
            ("true-client-ip", "9.9.9.9"),
            ("x-forward", "kept"),
            ("cf", "kept"),
        ];
        let expected = "accept */* x-forward kept cf kept cf-connecting-ip 192.0.2.1 x-real-ip 192.0.2.1 x-forwarded-for 192.0.2.1 \
                        x-forwarded-proto http";
        assert_eq!(told(&claims, false), ("http://a/x".into(), expected.into()));
    }

    #[test]
    fn the_address_is_ours_to_say_behind_a_proxy_too_and_the_rest_is_the_proxys() {
        let said = [
            ("x-forwarded-for", "198.51.100.7"),
            ("cf-connecting-ipv6", "::9"),
            ("cf-pseudo-ipv4", "9.9.9.9"),
            ("true-client-ip", "9.9.9.9"),
            ("x-client-ip", "9.9.9.9"),
            ("cf-ipcountry", "AQ"),
            ("x-forwarded-host", "bank.example"),
        ];
        let expected = "x-forwarded-for 198.51.100.7 cf-ipcountry AQ x-forwarded-host bank.example cf-connecting-ip 198.51.100.7 \
                        x-real-ip 198.51.100.7 x-forwarded-proto http";
        assert_eq!(told(&said, true).1, expected);
    }

    #[test]
    fn what_a_proxy_says_last_is_believed() {
        let said =
            [("x-forwarded-for", "9.9.9.9"), ("x-forwarded-for", "8.8.8.8, 198.51.100.7:4711"), ("x-forwarded-proto", "http, https")];
        let expected = "x-forwarded-for 9.9.9.9 x-forwarded-for 8.8.8.8, 198.51.100.7:4711 cf-connecting-ip 198.51.100.7 \
                        x-real-ip 198.51.100.7 x-forwarded-proto https";
        assert_eq!(told(&said, true), ("https://a/x".into(), expected.into()));
        for nonsense in ["unknown", "", "1.2.3", "a, "] {
            assert!(told(&[("x-forwarded-for", nonsense)], true).1.contains("cf-connecting-ip 192.0.2.1"), "{nonsense}");
        }
        assert!(told(&[("x-forwarded-for", "[2001:db8::1]:80")], true).1.contains("cf-connecting-ip 2001:db8::1 "));
        assert!(told(&[], true).1.contains("x-forwarded-for 192.0.2.1 x-forwarded-proto http"));
    }
}
