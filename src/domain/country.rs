//! What countries are called in English, whatever the language of a company's table of countries.
//!
//! Source: ISO 3166-1 for codes and names; the names in everyday use beside them are those of the Unicode CLDR.

use iso_country::Country;

/// Names in everyday use that the standard does not have, by code.
const USUAL: &[(&str, &[&str])] = &[
    ("BN", &["Brunei"]),
    ("BO", &["Bolivia"]),
    ("CD", &["Congo - Kinshasa", "DR Congo"]),
    ("CG", &["Congo - Brazzaville"]),
    ("CI", &["Ivory Coast", "Côte d’Ivoire"]),
    ("CV", &["Cape Verde"]),
    ("CZ", &["Czechia"]),
    ("FM", &["Micronesia"]),
    ("GB", &["United Kingdom", "Great Britain", "UK"]),
    ("IR", &["Iran"]),
    ("KP", &["North Korea"]),
    ("KR", &["South Korea", "Republic of Korea"]),
    ("LA", &["Laos"]),
    ("MD", &["Moldova"]),
    ("MK", &["North Macedonia", "Macedonia"]),
    ("NL", &["The Netherlands", "Holland"]),
    ("PS", &["Palestine"]),
    ("RU", &["Russia"]),
    ("SY", &["Syria"]),
    ("SZ", &["Eswatini"]),
    ("TR", &["Türkiye"]),
    ("TW", &["Taiwan"]),
    ("TZ", &["Tanzania"]),
    ("US", &["United States", "USA", "U.S.A."]),
    ("VA", &["Vatican City"]),
    ("VE", &["Venezuela"]),
    ("VN", &["Vietnam"]),
];

/// The English names of the country with this code of two letters; none for any other code.
pub fn names_of(code: &str) -> impl Iterator<Item = &'static str> {
    let code = code.trim().to_ascii_uppercase();
    let standard = code.parse::<Country>().ok().map(|country| country.name()).filter(|name| !name.is_empty());
    let usual =
        USUAL.iter().filter(move |(known, _)| *known == code).flat_map(|(_, names)| names.iter().copied());
    standard.into_iter().chain(usual)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_has_the_names_that_people_write() {
        assert!(names_of("us").any(|name| name == "United States"));
        assert!(names_of("GB").any(|name| name == "United Kingdom"));
        assert_eq!(names_of("DE").collect::<Vec<_>>(), ["Germany"]);
        for none in ["", "ZZ", "HOME", "EU"] {
            assert_eq!(names_of(none).count(), 0, "{none}");
        }
    }

    #[test]
    fn every_usual_name_is_of_a_country_of_the_standard_and_of_one_alone() {
        let mut seen = std::collections::HashSet::new();
        for (code, names) in USUAL {
            assert!(code.parse::<Country>().is_ok(), "{code}");
            assert!(names.iter().all(|name| seen.insert(name)), "{code}");
        }
    }
}
