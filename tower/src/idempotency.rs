//! The idempotency key of a call, where the policy's API takes one.

use holdoff::{IDEMPOTENT_METHODS, Policy};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

/// Gives a request whose method is not idempotent a key, where the policy names a header for it; one that
/// the user has set is left. Returns whether the request has a key.
pub(crate) fn give_key(policy: &Policy, method: &Method, headers: &mut HeaderMap) -> bool {
    let header = policy.idempotency_key_header();
    let Some(name) = header.and_then(|name| HeaderName::try_from(name).ok()) else {
        return false;
    };
    if IDEMPOTENT_METHODS.contains(&method.as_str()) {
        return false;
    }
    if !headers.contains_key(&name) {
        let mut bytes = [0; 16];
        let key = getrandom::fill(&mut bytes).ok();
        let Some(key) = key.and_then(|()| HeaderValue::try_from(uuid_v4(bytes)).ok()) else {
            return false;
        };
        headers.insert(name, key);
    }
    true
}

/// RFC 9562 section 5.4: six bits of the random ones say what it is.
fn uuid_v4(random: [u8; 16]) -> String {
    let bits = u128::from_be_bytes(random);
    let bits = bits & !(0xF << 76) | 0x4 << 76;
    let bits = bits & !(0x3 << 62) | 0x2 << 62;
    let mut text = format!("{bits:032x}");
    for dash in [20, 16, 12, 8] {
        text.insert(dash, '-');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_uuid_of_version_4() {
        assert_eq!(uuid_v4([0xFF; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(uuid_v4([0; 16]), "00000000-0000-4000-8000-000000000000");
    }
}
