//! Looking up what customers and payments refer to.

use rusqlite::OptionalExtension;

use super::books::Turn;
use super::odata::{Guid, ODataError};

/// The code of the row of `table` with this id.
pub(super) fn code_of(turn: &Turn<'_>, table: &str, id: Guid) -> Result<Option<String>, ODataError> {
    lookup(turn, &format!("SELECT code FROM {table} WHERE id = ?1"), id.0)
}

/// The id of the row of `table` with this code.
pub(super) fn id_of(turn: &Turn<'_>, table: &str, code: &str) -> Result<Option<Guid>, ODataError> {
    Ok(lookup(turn, &format!("SELECT id FROM {table} WHERE code = ?1"), code)?.map(Guid))
}

/// The first column of the first row that `sql` finds for `key`.
pub(super) fn lookup<T: rusqlite::types::FromSql>(
    turn: &Turn<'_>,
    sql: &str,
    key: impl rusqlite::ToSql,
) -> Result<Option<T>, ODataError> {
    Ok(turn.connection.prepare_cached(sql)?.query_row([key], |row| row.get(0)).optional()?)
}

/// Whether `number` of the currency's smallest kept step, such as 0.01, and what a unit is worth on a day.
#[derive(Clone, Debug)]
pub(super) struct Currency {
    /// Its code; the local currency's too.
    pub(super) code: String,
    /// How many decimals amounts keep.
    pub(super) scale: u32,
    /// What one unit is worth; nothing for the local currency.
    pub(super) rate: Option<String>,
}

/// The currency called `code` on `day`, which must not be before its first exchange rate.
pub(super) fn currency_on(turn: &Turn<'_>, code: &str, day: &str) -> Result<Currency, ODataError> {
    if code.is_empty() || code == turn.setup.local_currency {
        return Ok(Currency { code: turn.setup.local_currency.clone(), scale: 2, rate: None });
    }
    let sql = "SELECT amountRoundingPrecision, rate, rate_from FROM currencies WHERE code = ?1";
    let found = turn.connection.prepare_cached(sql)?.query_row([code], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
    });
    let Some((step, rate, since)) = found.optional()? else {
        return Err(super::draft::no_relation("Currency Code", code, "Currency"));
    };
    if day < since.as_str() {
        let message = format!(
            "There is no Currency Exchange Rate within the filter. Filters: Currency Code: {code}, Starting Date: ..{day}"
        );
        return Err(ODataError::new(400, "Internal_DataNotFoundFilter", message));
    }
    let scale = step.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    Ok(Currency { code: code.to_owned(), scale: u32::try_from(scale).unwrap_or(2), rate: Some(rate) })
}
