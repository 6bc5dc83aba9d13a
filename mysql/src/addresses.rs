//! MariaDB's UUID, INET4 and INET6: their text as the server prints it, from their bytes or from any text that it takes.
//!
//! Snapshot and binlog go through the same writer, so that a key has the same bytes by both ways. In the binlog a value is
//! its 16 or 4 bytes in the order of its text (not in the order in which a UUID is stored), as those of a BINARY.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use millrace_model::MysqlType;

/// Bytes of a UUID.
const UUID_BYTES: usize = 16;

/// Appends the text of a value in bytes; none where they are not the bytes of such a type.
#[must_use]
pub fn put_bytes(ty: &MysqlType, bytes: &[u8], out: &mut String) -> Option<()> {
    match ty {
        MysqlType::Uuid => put_uuid(bytes.try_into().ok()?, out),
        MysqlType::Inet4 => put_shown(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?), out),
        MysqlType::Inet6 => put_inet6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?), out),
        _ => return None,
    }
    Some(())
}

/// Appends the text of a value in text; none where it is not one of such a type.
#[must_use]
pub fn put_text(ty: &MysqlType, text: &str, out: &mut String) -> Option<()> {
    match ty {
        MysqlType::Uuid => put_uuid(uuid_of(text)?, out),
        MysqlType::Inet4 => put_shown(text.parse::<Ipv4Addr>().ok()?, out),
        MysqlType::Inet6 => put_inet6(text.parse().ok()?, out),
        _ => return None,
    }
    Some(())
}

/// 32 hexadecimal digits, with hyphens anywhere between bytes.
fn uuid_of(text: &str) -> Option<[u8; UUID_BYTES]> {
    let mut digits =
        text.chars().filter(|&c| c != '-').map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()));
    let mut bytes = [0; UUID_BYTES];
    for byte in &mut bytes {
        *byte = digits.next()?? << 4 | digits.next()??;
    }
    digits.next().is_none().then_some(bytes)
}

fn put_uuid(bytes: [u8; UUID_BYTES], out: &mut String) {
    for (place, byte) in bytes.into_iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        put_shown(format_args!("{byte:02x}"), out);
    }
}

/// The first of the longest runs of zeros is `::`, also where it is a single one; an address of zeros before its last 32
/// bits, or of zeros and `ffff`, ends as one of IPv4 (MariaDB source, `Inet6::to_string`).
fn put_inet6(address: Ipv6Addr, out: &mut String) {
    let words = address.segments();
    let (gap, length) = longest_zeros(&words);
    let has_ipv4 = gap == 0 && (length == 6 || (length == 5 && words[5] == 0xffff));
    let mut place = 0;
    while place < words.len() {
        if length > 0 && place == gap {
            out.push_str(if place == 0 { "::" } else { ":" });
            place += length;
        } else if place == 6 && has_ipv4 {
            let [.., a, b, c, d] = address.octets();
            return put_shown(Ipv4Addr::new(a, b, c, d), out);
        } else {
            put_shown(format_args!("{:x}", words[place]), out);
            place += 1;
            if place < words.len() {
                out.push(':');
            }
        }
    }
}

/// Where the first of the longest runs of zeros begins, and its length; 0 for none.
fn longest_zeros(words: &[u16; 8]) -> (usize, usize) {
    let (mut longest, mut length) = (0, 0);
    for start in 0..words.len() {
        let zeros = words[start..].iter().take_while(|&&word| word == 0).count();
        if zeros > length {
            (longest, length) = (start, zeros);
        }
    }
    (longest, length)
}

fn put_shown(value: impl std::fmt::Display, out: &mut String) {
    // Writing to a String cannot fail.
    let _ = write!(out, "{value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_text(ty: &MysqlType, text: &str) -> Option<String> {
        let mut out = String::new();
        put_text(ty, text, &mut out).map(|()| out)
    }

    /// The right side is what MariaDB 10.11 prints.
    #[test]
    fn addresses_have_the_text_of_the_server() {
        for (text, printed) in [
            ("2001:db8::ff00:42:8329", "2001:db8::ff00:42:8329"),
            ("0:0:0:0:0:0:0:0", "::"),
            ("::ffff:102:304", "::ffff:1.2.3.4"),
            ("::102:304", "::1.2.3.4"),
            ("1:0:0:2:0:0:0:3", "1:0:0:2::3"),
            ("1:0:2:3:4:5:6:7", "1::2:3:4:5:6:7"),
            ("0:0:0:0:0:0:0:5", "::5"),
            ("::1:0", "::0.1.0.0"),
            ("::ffff:0:0", "::ffff:0.0.0.0"),
            ("0:0:0:0:0:1:0:0", "::1:0:0"),
            ("0:1::", "0:1::"),
            ("64:ff9b::1.2.3.4", "64:ff9b::102:304"),
            ("0:0:0:0:ffff:0:1.2.3.4", "::ffff:0:102:304"),
            ("1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"),
            ("FFFF::1", "ffff::1"),
        ] {
            assert_eq!(of_text(&MysqlType::Inet6, text).as_deref(), Some(printed), "{text}");
        }
        assert_eq!(of_text(&MysqlType::Inet4, "10.0.0.32").as_deref(), Some("10.0.0.32"));
        let uuid = "123e4567-e89b-12d3-a456-426655440000";
        assert_eq!(of_text(&MysqlType::Uuid, "123E4567E89B12D3-A456426655440000").as_deref(), Some(uuid));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for (ty, text) in [
            (MysqlType::Uuid, ""),
            (MysqlType::Uuid, "123e4567-e89b-12d3-a456-42665544000"),
            (MysqlType::Uuid, "123e4567-e89b-12d3-a456-4266554400000"),
            (MysqlType::Uuid, "123e4567-e89b-12d3-a456-42665544000é"),
            (MysqlType::Inet4, "::1"),
            (MysqlType::Inet6, "1.2.3.4"),
            (MysqlType::Json, "1"),
        ] {
            assert_eq!(of_text(&ty, text), None, "{text}");
        }
        let mut out = String::new();
        assert_eq!(put_bytes(&MysqlType::Inet4, &[1, 2, 3, 4, 5], &mut out), None);
        assert_eq!(put_bytes(&MysqlType::Uuid, &[1; 15], &mut out), None);
    }
}
