//! What an e-mail address looks like.

use memchr::memchr;

/// Whether the text is one e-mail address, or several parted by semicolons.
pub(super) fn is_email_list(text: &str) -> bool {
    if is_email(text) {
        return true;
    }
    let list = text.trim_matches(|letter: char| letter == ';' || letter.is_whitespace());
    !list.is_empty() && list.split(';').all(|address| is_email(address.trim()))
}

/// Exactly one `@`, something before it, and a dotted host after it.
fn is_email(address: &str) -> bool {
    let Some(at) = memchr(b'@', address.as_bytes()) else { return false };
    let (local, host) = (&address.as_bytes()[..at], &address.as_bytes()[at + 1..]);
    parts(local, LOCAL).is_some() && parts(host, HOST).is_some_and(|parts| parts > 1)
}

/// Into how many parts dots divide the text; `None` when a part is empty or has a byte that is not of the class.
fn parts(text: &[u8], class: u8) -> Option<usize> {
    // Sums instead of branches: where the dots stand differs from address to address.
    let (mut allowed, mut dots, mut empty, mut after_dot) = (class, 0, 0, 1);
    for byte in text {
        let is_dot = u8::from(*byte == b'.');
        allowed &= CLASSES[usize::from(*byte)];
        dots += usize::from(is_dot);
        empty |= is_dot & after_dot;
        after_dot = is_dot;
    }
    (allowed == class && empty | after_dot == 0).then_some(dots + 1)
}

const LOCAL: u8 = 1;
const HOST: u8 = 2;

/// On which sides of the `@` each byte may stand; a dot on both.
///
/// Source: RFC 5322's `atext` before the `@`, host names after it; letters beyond ASCII on both sides, as
/// RFC 6531 has it.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0u8;
    loop {
        classes[byte as usize] = match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | 0x80.. => LOCAL | HOST,
            b'!' | b'#'..=b'\'' | b'*' | b'+' | b'/' | b'=' | b'?' | b'^'..=b'`' | b'{'..=b'~' => LOCAL,
            _ => 0,
        };
        if byte == u8::MAX {
            break classes;
        }
        byte += 1;
    }
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_people_use_are_addresses() {
        for text in [
            "info@example.com",
            "o'brien+tag@mail.example.co.uk",
            "a@b.example; c@d.example",
            "a@b.example ;c@d.example;",
            "jörg@müller.example",
        ] {
            assert!(is_email_list(text), "{text}");
        }
    }

    #[test]
    fn what_no_server_delivers_is_none() {
        for text in [
            "plainaddress",
            "user@@example.com",
            "@example.com",
            "user@",
            "two words@example.com",
            "user@example..com",
            "user.example.com",
            "user@example",
            ".user@example.com",
            "a@b.example;;c@d.example",
            ";",
            "a@b.example,c@d.example",
            "a@b.c@d.example",
        ] {
            assert!(!is_email_list(text), "{text}");
        }
    }
}
