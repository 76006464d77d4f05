//! Which addresses are on the public internet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Blocks of IPv4 that are not: IANA's special-purpose registry, multicast and reserved space.
const IPV4: [([u8; 4], u32); 16] = [
    ([0, 0, 0, 0], 8),       // this network
    ([10, 0, 0, 0], 8),      // private
    ([100, 64, 0, 0], 10),   // shared by carriers' NAT
    ([127, 0, 0, 0], 8),     // loopback
    ([169, 254, 0, 0], 16),  // link-local; clouds serve credentials here
    ([172, 16, 0, 0], 12),   // private
    ([192, 0, 0, 0], 24),    // protocol assignments
    ([192, 0, 2, 0], 24),    // documentation
    ([192, 31, 196, 0], 24), // AS112
    ([192, 52, 193, 0], 24), // AMT
    ([192, 88, 99, 0], 24),  // 6to4 relays
    ([192, 168, 0, 0], 16),  // private
    ([192, 175, 48, 0], 24), // AS112
    ([198, 18, 0, 0], 15),   // benchmarks
    ([198, 51, 100, 0], 24), // documentation
    ([203, 0, 113, 0], 24),  // documentation
];

/// Where multicast begins; all above it is multicast, reserved or broadcast.
const IPV4_MULTICAST: u8 = 224;

/// Blocks inside the one that is global unicast, 2000::/3, that are not public.
const IPV6: [([u16; 8], u32); 4] = [
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), // protocol assignments, Teredo among them
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), // documentation
    ([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), // 6to4: an IPv4 address in disguise
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), // documentation
];

/// Is this an address of the public internet? Everything that is not plainly one is not: mapped,
/// compatible, translated (NAT64) and tunnelled addresses are other ways to write an IPv4 address.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let bits = address.to_bits();
    let is_special = IPV4.iter().any(|(block, length)| {
        let block = u32::from_be_bytes(*block);
        (bits ^ block) >> (32 - length) == 0
    });
    !is_special && address.octets()[0] < IPV4_MULTICAST
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let bits = address.to_bits();
    let is_global_unicast = bits >> 125 == 0b001;
    let is_special = IPV6.iter().any(|(block, length)| {
        let block = Ipv6Addr::from_segments(*block).to_bits();
        (bits ^ block) >> (128 - length) == 0
    });
    is_global_unicast && !is_special
}

/// Names that never lead to the public internet; they are refused before they are looked up.
const PRIVATE_SUFFIXES: [&str; 16] = [
    "localhost",
    "local",
    "internal",
    "intranet",
    "private",
    "corp",
    "home",
    "lan",
    "arpa",
    "test",
    "example",
    "invalid",
    "onion",
    "svc",
    "cluster",
    "localdomain",
];

/// Has the name a dot and an ending that the public tree may have?
pub fn is_public_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    match name.rsplit_once('.') {
        Some((rest, last)) => !rest.is_empty() && !PRIVATE_SUFFIXES.contains(&last),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_end_where_they_should() {
        let cases = [
            ("0.0.0.0", false),
            ("0.255.255.255", false),
            ("1.0.0.0", true),
            ("9.255.255.255", true),
            ("10.0.0.0", false),
            ("10.255.255.255", false),
            ("11.0.0.0", true),
            ("100.63.255.255", true),
            ("100.64.0.0", false),
            ("100.127.255.255", false),
            ("100.128.0.0", true),
            ("126.255.255.255", true),
            ("127.0.0.1", false),
            ("127.255.255.255", false),
            ("128.0.0.0", true),
            ("169.253.255.255", true),
            ("169.254.169.254", false),
            ("169.255.0.0", true),
            ("172.15.255.255", true),
            ("172.16.0.0", false),
            ("172.31.255.255", false),
            ("172.32.0.0", true),
            ("192.0.0.8", false),
            ("192.0.1.0", true),
            ("192.0.2.1", false),
            ("192.0.3.0", true),
            ("192.88.99.1", false),
            ("192.167.255.255", true),
            ("192.168.0.1", false),
            ("192.169.0.0", true),
            ("198.17.255.255", true),
            ("198.18.0.0", false),
            ("198.19.255.255", false),
            ("198.20.0.0", true),
            ("198.51.100.7", false),
            ("203.0.113.7", false),
            ("203.0.114.0", true),
            ("223.255.255.255", true),
            ("224.0.0.1", false),
            ("239.255.255.255", false),
            ("240.0.0.1", false),
            ("255.255.255.255", false),
            ("8.8.8.8", true),
            ("93.184.216.34", true),
        ];
        for (address, expected) in cases {
            assert_eq!(is_public(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn only_plain_global_unicast_of_ipv6_is_public() {
        let cases = [
            ("::", false),
            ("::1", false),
            ("::7f00:1", false),           // compatible
            ("::ffff:127.0.0.1", false),   // mapped
            ("::ffff:8.8.8.8", false),     // mapped, public inside: still another way to write it
            ("::ffff:0:127.0.0.1", false), // translated
            ("64:ff9b::127.0.0.1", false), // NAT64
            ("64:ff9b::8.8.8.8", false),
            ("64:ff9b:1::1", false), // local NAT64
            ("100::1", false),       // discard
            ("1fff:ffff::", false),
            ("2000::", true),
            ("2001::1", false), // Teredo
            ("2001:1ff:ffff::", false),
            ("2001:200::1", true),
            ("2001:db8::1", false),
            ("2001:4860:4860::8888", true),
            ("2002:7f00:1::", false),
            ("2002:808:808::", false),
            ("2003::1", true),
            ("2606:4700::6810:84e5", true),
            ("3ffe::1", true),
            ("3fff:fff::1", false),
            ("3fff:1000::1", true),
            ("4000::", false),
            ("5f00::1", false),
            ("fc00::1", false),
            ("fd12:3456::1", false),
            ("fe80::1", false),
            ("fec0::1", false),
            ("ff02::1", false),
        ];
        for (address, expected) in cases {
            assert_eq!(is_public(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn names_without_a_public_ending_are_refused() {
        for name in [
            "localhost",
            "db",
            "a.local",
            "LOCALHOST.",
            "x.internal",
            "svc.cluster.local.",
            ".",
            "",
            ".com",
        ] {
            assert!(!is_public_name(name), "{name:?}");
        }
        for name in [
            "example.com",
            "xn--e1afmkfd.xn--p1ai",
            "a.b.co.",
            "internal.example.com",
        ] {
            assert!(is_public_name(name), "{name:?}");
        }
    }
}
