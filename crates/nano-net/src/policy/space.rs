//! What kind of network an address belongs to. Everything that is not known to be public is not.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The kinds of address space, as far as a policy tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Space {
    /// The internet.
    Public,
    /// This machine.
    Loopback,
    /// Networks of companies and homes: RFC 1918, RFC 4193.
    Private,
    /// What providers put between their customers and the internet: RFC 6598.
    Shared,
    /// One wire: RFC 3927, RFC 4291. Clouds keep their metadata there.
    LinkLocal,
    /// Where a cloud answers its machines outside the space above.
    Metadata,
    /// More than one receiver.
    Multicast,
    /// No address at all.
    Unspecified,
    /// Documentation, measurements, the future, and what the registries have not given out.
    Reserved,
    /// An address of the other family in disguise: 6to4, Teredo, local NAT64, and the like.
    Transition,
}

impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::Loopback => "loopback",
            Self::Private => "private",
            Self::Shared => "shared (carrier-grade NAT)",
            Self::LinkLocal => "link-local",
            Self::Metadata => "cloud metadata",
            Self::Multicast => "multicast",
            Self::Unspecified => "unspecified",
            Self::Reserved => "reserved",
            Self::Transition => "transition (another address in disguise)",
        })
    }
}

/// The address that packets would go to: an IPv4 address written as IPv6 is that IPv4 address to the kernel.
pub fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// The IPv4 address to which a translator would send what goes to this one.
pub fn translated(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let pieces = address.segments();
    (pieces[..6] == [0x64, 0xff9b, 0, 0, 0, 0]).then(|| last_four(address))
}

/// All that an address may lead to, itself first: the kernel takes no address for this machine, and translators and tunnels send on to the
/// IPv4 address within.
pub(super) fn guises(address: IpAddr) -> impl Iterator<Item = IpAddr> {
    std::iter::successors(Some(canonical(address)), |address| match address {
        IpAddr::V4(address) => address.is_unspecified().then_some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        IpAddr::V6(address) if address.is_unspecified() => Some(IpAddr::V6(Ipv6Addr::LOCALHOST)),
        IpAddr::V6(address) => translated(*address).or_else(|| tunneled(*address)).map(IpAddr::V4),
    })
}

/// The IPv4 address at the other end of a tunnel, or of a translator that is not everybody's.
fn tunneled(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let v4 = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        // IPv4-compatible, IPv4-translated, local NAT64, ISATAP.
        [0, 0, 0, 0, 0, 0, high, low] | [0, 0, 0, 0, 0xffff, 0, high, low] => Some(v4(high, low)),
        [0x64, 0xff9b, 1, _, _, _, high, low] | [_, _, _, _, 0 | 0x200, 0x5efe, high, low] => Some(v4(high, low)),
        // 6to4 has it in front, Teredo at its end with all bits turned.
        [0x2002, high, low, ..] => Some(v4(high, low)),
        [0x2001, 0, .., high, low] => Some(v4(!high, !low)),
        _ => None,
    }
}

/// The space of an address.
pub fn space(address: IpAddr) -> Space {
    match canonical(address) {
        IpAddr::V4(address) => space_v4(address),
        IpAddr::V6(address) => space_v6(address),
    }
}

fn space_v4(address: Ipv4Addr) -> Space {
    match address.octets() {
        [0, 0, 0, 0] => Space::Unspecified,
        [0, ..] => Space::Reserved,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Space::Private,
        [100, 64..=127, ..] => Space::Shared,
        [127, ..] => Space::Loopback,
        [169, 254, ..] => Space::LinkLocal,
        // Azure answers its machines here, Oracle's cloud in 192.0.0.
        [168, 63, 129, 16] | [192, 0, 0, 192] => Space::Metadata,
        [192, 0, 0 | 2, _] | [192, 88, 99, _] => Space::Reserved,
        [198, 18..=19, ..] | [198, 51, 100, _] | [203, 0, 113, _] => Space::Reserved,
        [224..=239, ..] => Space::Multicast,
        [240..=255, ..] => Space::Reserved,
        _ => Space::Public,
    }
}

fn space_v6(address: Ipv6Addr) -> Space {
    if let Some(inner) = translated(address) {
        return space_v4(inner);
    }
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Space::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => Space::Loopback,
        // IPv4-compatible, IPv4-translated, local NAT64.
        [0, 0, 0, 0, 0, 0, ..] | [0, 0, 0, 0, 0xffff, 0, ..] | [0x64, 0xff9b, 1, ..] => Space::Transition,
        // Interface identifiers that carry an IPv4 address: ISATAP.
        [_, _, _, _, 0 | 0x200, 0x5efe, ..] => Space::Transition,
        [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254] => Space::Metadata,
        [0xfc00..=0xfdff, ..] => Space::Private,
        [0xfe80..=0xfebf, ..] => Space::LinkLocal,
        [0xfec0..=0xfeff, ..] => Space::Private,
        [0xff00..=0xffff, ..] => Space::Multicast,
        // Teredo and 6to4.
        [0x2001, 0, ..] | [0x2002, ..] => Space::Transition,
        // Of protocols, of documentation, and the ends of 6bone.
        [0x2001, 1..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] | [0x3ffe, ..] => Space::Reserved,
        [0x2000..=0x3fff, ..] => Space::Public,
        _ => Space::Reserved,
    }
}

fn last_four(address: Ipv6Addr) -> Ipv4Addr {
    let bytes = address.octets();
    Ipv4Addr::new(bytes[12], bytes[13], bytes[14], bytes[15])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_that_is_not_the_internet_is_known_from_its_first_to_its_last_address() {
        use Space::*;
        let table: &[(&str, Space)] = &[
            ("0.0.0.0", Unspecified),
            ("0.0.0.1 0.255.255.255", Reserved),
            ("1.0.0.0 1.1.1.1 8.8.8.8 9.255.255.255", Public),
            ("10.0.0.0 10.255.255.255", Private),
            ("11.0.0.0 100.63.255.255", Public),
            ("100.64.0.0 100.100.100.200 100.127.255.255", Shared),
            ("100.128.0.0 126.255.255.255", Public),
            ("127.0.0.0 127.0.0.1 127.255.255.255", Loopback),
            ("128.0.0.0 169.253.255.255", Public),
            ("169.254.0.0 169.254.169.254 169.254.170.2 169.254.255.255", LinkLocal),
            ("169.255.0.0 172.15.255.255", Public),
            ("172.16.0.0 172.31.255.255", Private),
            ("172.32.0.0", Public),
            ("168.63.129.16 192.0.0.192", Metadata),
            ("168.63.129.15 168.63.129.17", Public),
            ("192.0.0.0 192.0.0.255 192.0.2.0 192.0.2.255 192.88.99.0 192.88.99.255", Reserved),
            ("192.0.1.0 192.0.3.0 192.88.98.255 192.88.100.0 192.167.255.255 192.169.0.0", Public),
            ("192.168.0.0 192.168.255.255", Private),
            ("198.18.0.0 198.19.255.255 198.51.100.0 198.51.100.255 203.0.113.0 203.0.113.255", Reserved),
            ("198.17.255.255 198.20.0.0 198.51.99.255 198.51.101.0 203.0.112.255 203.0.114.0 223.255.255.255", Public),
            ("224.0.0.0 239.255.255.255", Multicast),
            ("240.0.0.0 255.255.255.254 255.255.255.255", Reserved),
            ("::", Unspecified),
            ("::1", Loopback),
            ("::2 ::7f00:1 ::127.0.0.1 ::8.8.8.8", Transition),
            ("::ffff:127.0.0.1 ::ffff:7f00:1", Loopback),
            ("::ffff:10.0.0.1", Private),
            ("::ffff:169.254.169.254", LinkLocal),
            ("::ffff:8.8.8.8", Public),
            ("::ffff:0:127.0.0.1 ::ffff:0:8.8.8.8", Transition),
            ("64:ff9b::127.0.0.1", Loopback),
            ("64:ff9b::10.1.2.3", Private),
            ("64:ff9b::169.254.169.254", LinkLocal),
            ("64:ff9b::8.8.8.8", Public),
            ("64:ff9b:1::8.8.8.8 64:ff9b:1:ffff::1", Transition),
            ("64:ff9b:2::1", Reserved),
            ("100::1 100:0:0:1::1", Reserved),
            ("2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2", Transition),
            ("2001:1::1 2001:2::1 2001:20::1 2001:1ff:ffff::1 2001:db8::1 2001:db8:ffff::1", Reserved),
            ("2001:200::1 2001:4860:4860::8888 2606:4700:4700::1111 2a00:1450::1", Public),
            ("2002:7f00:1:: 2002:a00:1::1 2002:808:808::1", Transition),
            ("3fff::1 3fff:fff::1 3ffe::1", Reserved),
            ("4000::1 5f00::1 8000::1 1fff::1", Reserved),
            ("fc00::1 fdff::1 fd00::1", Private),
            ("fd00:ec2::254", Metadata),
            ("fe80::1 febf::1 fe80::a9fe:a9fe", LinkLocal),
            ("fec0::1", Private),
            ("ff00::1 ff02::1 ffff::1", Multicast),
            ("2a00:1450::5efe:7f00:1 2a00:1450::200:5efe:a00:1", Transition),
        ];
        for (addresses, expected) in table {
            for address in addresses.split(' ') {
                assert_eq!(space(address.parse().unwrap()), *expected, "{address}");
            }
        }
    }
}
