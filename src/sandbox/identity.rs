//! GUIDs, secrets and row versions: the sandbox's sources of names that are never given twice.

use std::collections::hash_map::RandomState;
use std::fmt::Write as _;
use std::hash::{BuildHasher, Hasher};

/// Spreads the bits of a number over all 64 (the splitmix64 finaliser).
pub(super) const fn mix(number: u64) -> u64 {
    let x = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// Sixty-four bits nobody can foresee: the standard library seeds its hash keys from the system.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// The bytes of a new GUID.
pub(super) fn new_guid() -> [u8; 16] {
    guid_bytes(random(), random())
}

/// The bytes of the GUID that belongs to `seed`: always the same.
pub(super) const fn fixed_guid(seed: u64) -> [u8; 16] {
    guid_bytes(mix(seed), mix(seed ^ 0x0005_DEEC_E66D))
}

/// A random GUID's layout: version 4, and `a` where its variant stands.
const fn guid_bytes(high: u64, low: u64) -> [u8; 16] {
    let high = (high & !0xF000) | 0x4000;
    let low = (low & !(0xF << 60)) | (0xA << 60);
    (((high as u128) << 64) | low as u128).to_be_bytes()
}

/// A bearer token nobody can guess.
pub(super) fn new_token() -> String {
    (0..4).fold(String::new(), |mut text, _| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{:016x}", random());
        text
    })
}

#[cfg(test)]
mod tests {
    use super::super::odata::Guid;
    use super::*;

    #[test]
    fn fixed_guids_are_those_that_generated_files_refer_to() {
        assert_eq!(Guid(fixed_guid(1000)).to_string(), "3c1eba8b-4dcc-4148-aae2-7299c1ae1e2d");
        assert_eq!(Guid(fixed_guid(2000)).to_string(), "bcdf3a4c-768f-42d3-a3f2-84cf2016595f");
    }

    #[test]
    fn new_names_differ() {
        assert_ne!(new_token(), new_token());
        assert_ne!(new_guid(), new_guid());
    }
}
