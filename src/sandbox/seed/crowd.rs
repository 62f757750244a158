//! Generated customers in any number, to try exports and look-ups on.

use rusqlite::{Connection, Result, TransactionBehavior, params};

use super::{LOCAL_CURRENCY, SEEDED_AT};
use crate::sandbox::identity::{fixed_guid, mix};

/// Where the ids of generated customers start.
const FIRST_ID: u64 = 1 << 32;

const FIRST: [&str; 12] = [
    "Adventure",
    "Blue Yonder",
    "City",
    "Fourth",
    "Graphic",
    "Humongous",
    "Lucerne",
    "Margie's",
    "Proseware",
    "Southridge",
    "Wide World",
    "Woodgrove",
];
const SECOND: [&str; 10] = [
    "Airlines",
    "Bank",
    "Books",
    "Importers",
    "Insurance",
    "Köln GmbH",
    "Publishing",
    "Supplies, Inc.",
    "Travel",
    "Works",
];
const PLACES: [(&str, &str); 6] = [
    ("Atlanta", "GA"),
    ("Boston", "MA"),
    ("Chicago", "IL"),
    ("Denver", "CO"),
    ("Seattle", "WA"),
    ("New York", "NY"),
];

/// Adds customers `S0000001` to `S` and `count`, and an open invoice for three in four of them; gives how many were new.
pub(in crate::sandbox) fn add(connection: &mut Connection, count: usize) -> Result<usize> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut added = 0;
    {
        let mut customer = transaction.prepare(
            "INSERT OR IGNORE INTO customer (id, number, displayName, type, addressLine1, addressLine2, city, state,
                country, postalCode, phoneNumber, email, website, salespersonCode, creditLimit, taxLiable, taxAreaId,
                taxAreaDisplayName, taxRegistrationNumber, currencyId, currencyCode, paymentTermsId, shipmentMethodId,
                paymentMethodId, blocked, lastModifiedDateTime, version, balance, sales)
            VALUES (?1, ?2, ?3, ?4, ?5, '', ?6, ?7, 'US', ?8, ?9, ?10, '', 'JO', ?11, 1, zeroblob(16), '', '',
                zeroblob(16), ?12, ?13, zeroblob(16), ?14, 0, ?15, 1, ?16, ?16)",
        )?;
        let mut entry = transaction.prepare(
            "INSERT INTO customer_entry VALUES (NULL, ?1, 2, ?2, '', '2026-01-02', ?3, 'Invoice ' || ?2, ?4, ?5, ?5,
                ?5, ?5, 1, '')",
        )?;
        for place in 1..=count as u64 {
            let bits = mix(place);
            let pick =
                |length: usize, salt: u64| usize::try_from(mix(bits ^ salt) % length as u64).unwrap_or(0);
            let id = fixed_guid(FIRST_ID + place);
            let (city, state) = PLACES[pick(PLACES.len(), 1)];
            let owed =
                if bits.is_multiple_of(4) { 0 } else { i64::try_from(bits % 1_000_000).unwrap_or(0) + 1 };
            let new = customer.execute(params![
                id,
                format!("S{place:07}"),
                format!("{} {} {place}", FIRST[pick(FIRST.len(), 2)], SECOND[pick(SECOND.len(), 3)]),
                bits.is_multiple_of(5),
                format!("{} Main Street", bits % 9_999 + 1),
                city,
                state,
                format!("{:05}", bits % 100_000),
                format!("+1 {:03} 555 {:04}", bits % 900 + 100, bits % 10_000),
                format!("info.{place}@customer.example"),
                format!("{}.50", bits % 5_000),
                LOCAL_CURRENCY,
                fixed_guid(super::ids::TERMS + bits % 8),
                fixed_guid(super::ids::METHODS + bits % 6),
                SEEDED_AT + i64::try_from(place).unwrap_or(0),
                owed,
            ])?;
            if new == 1 && owed > 0 {
                let due = if bits.is_multiple_of(3) { "2026-01-12" } else { "2026-02-12" };
                entry.execute(params![id, format!("SI{place:07}"), due, LOCAL_CURRENCY, owed])?;
            }
            added += new;
        }
    }
    transaction.commit()?;
    Ok(added)
}
