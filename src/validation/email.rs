//! What an e-mail address looks like.

/// Whether the text is one e-mail address, or several parted by semicolons.
pub(super) fn is_email_list(text: &str) -> bool {
    let list = text.trim_matches(|letter: char| letter == ';' || letter.is_whitespace());
    !list.is_empty() && list.split(';').all(|address| is_email(address.trim()))
}

/// Exactly one `@`, something before it, and a dotted host after it.
fn is_email(address: &str) -> bool {
    let Some((local, host)) = address.split_once('@') else { return false };
    is_dotted(local, is_local_byte) && is_dotted(host, is_host_byte) && host.contains('.')
}

/// Whether the text is made of allowed bytes, in parts between single dots of which none is empty.
fn is_dotted(text: &str, is_allowed: fn(u8) -> bool) -> bool {
    let mut after_dot = true;
    for byte in text.bytes() {
        if byte == b'.' {
            if after_dot {
                return false;
            }
            after_dot = true;
        } else if is_allowed(byte) {
            after_dot = false;
        } else {
            return false;
        }
    }
    !after_dot
}

fn is_local_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80 || b"!#$%&'*+/=?^_`{|}~-".contains(&byte)
}

fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80 || byte == b'-'
}

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
