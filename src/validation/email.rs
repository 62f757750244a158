//! What an e-mail address looks like.

/// Whether the text is one e-mail address, or several parted by semicolons.
pub(super) fn is_email_list(text: &str) -> bool {
    if is_email(text) {
        return true;
    }
    let list = text.trim_matches(|letter: char| letter == ';' || letter.is_whitespace());
    !list.is_empty() && list.split(';').all(|address| is_email(address.trim()))
}

/// Exactly one `@`, something before it, and a dotted host after it; no part between dots is empty.
fn is_email(address: &str) -> bool {
    let (mut is_host, mut after_break, mut host_dots) = (false, true, 0);
    for byte in address.bytes() {
        let class = CLASSES[usize::from(byte)];
        if class == Class::Host {
            after_break = false;
            continue;
        }
        match class {
            Class::LocalOnly if !is_host => after_break = false,
            Class::Dot if !after_break => {
                after_break = true;
                host_dots += u32::from(is_host);
            }
            Class::At if !after_break && !is_host => {
                after_break = true;
                is_host = true;
            }
            _ => return false,
        }
    }
    is_host && !after_break && host_dots > 0
}

/// Where a byte of an address may stand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Never,
    Host,
    LocalOnly,
    Dot,
    At,
}

/// Source: RFC 5322's `atext` before the `@`, host names after it; letters beyond ASCII on both sides, as
/// RFC 6531 has it.
const CLASSES: [Class; 256] = {
    let mut classes = [Class::Never; 256];
    let mut byte = 0u8;
    loop {
        classes[byte as usize] = match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | 0x80.. => Class::Host,
            b'!' | b'#'..=b'\'' | b'*' | b'+' | b'/' | b'=' | b'?' | b'^'..=b'`' | b'{'..=b'~' => {
                Class::LocalOnly
            }
            b'.' => Class::Dot,
            b'@' => Class::At,
            _ => Class::Never,
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
