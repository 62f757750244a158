//! Accounts, currencies, branches and items: what documents refer to.

use serde_json::{Value, json};

use super::ask::Ask;
use super::check::{Kind, check, check_storable, optional, required};
use super::desk::{Desk, Row, text_cell};
use super::figures::{self, formatted, instant, thousandths};
use super::refusal::{Refusal, json_answer};
use crate::sandbox::call::Answer;

/// Source: accounts that payments may go to.
const DEPOSIT_TYPES: [&str; 3] = ["bank", "cash", "other-current-asset"];

/// What an account type means: its label, its parent and root types, and the side it grows on.
fn meaning(account_type: &str) -> (&'static str, &'static str, &'static str, &'static str) {
    match account_type {
        "bank" => ("Bank", "current-asset", "asset", "debit"),
        "cash" => ("Cash", "current-asset", "asset", "debit"),
        "other-current-asset" => ("Other Current Asset", "current-asset", "asset", "debit"),
        "accounts-receivable" => ("Accounts Receivable", "current-asset", "asset", "debit"),
        "income" => ("Income", "income", "income", "credit"),
        "other-income" => ("Other Income", "income", "income", "credit"),
        _ => ("Expense", "expense", "expense", "debit"),
    }
}

/// An account as inside other records.
pub(super) fn view(desk: &Desk<'_>, account: &Row) -> Result<Value, Refusal> {
    let (label, parent, root, normal) = meaning(account.text("account_type"));
    let is_balance_sheet = root == "asset";
    Ok(json!({
        "id": account.int("id"),
        "name": account.text("name"),
        "slug": account.text("slug"),
        "code": account.json_text("code"),
        "description": "",
        "active": 1,
        "index": 1,
        "predefined": account.int("predefined"),
        "amount": account.maybe_int("amount").map_or(Value::Null, figures::json),
        "account_type": account.text("account_type"),
        "parent_account_id": null,
        "currency_code": account.text("currency_code"),
        "seeded_at": instant(&desk.setup("built_on")?, desk.offset),
        "created_at": null,
        "updated_at": null,
        "plaid_account_id": null,
        "account_mask": null,
        "bank_balance": null,
        "uncategorized_transactions": 0,
        "is_system_account": 1,
        "is_feeds_active": 0,
        "is_syncing_owner": 0,
        "last_feeds_updated_at": null,
        "plaid_item_id": null,
        "account_type_label": label,
        "account_parent_type": parent,
        "account_root_type": root,
        "account_normal": normal,
        "account_normal_formatted": if normal == "debit" { "Debit" } else { "Credit" },
        "is_balance_sheet_account": is_balance_sheet,
        "is_p_l_sheet": !is_balance_sheet,
    }))
}

/// The account with this id as inside other records, null when it is not there.
pub(super) fn by_id(desk: &Desk<'_>, id: i64) -> Result<Value, Refusal> {
    desk.row("big_account", id)?.map_or(Ok(Value::Null), |row| view(desk, &row))
}

/// `GET accounts`
pub(super) fn list(desk: &Desk<'_>, ask: &Ask) -> Result<Answer, Refusal> {
    let mut accounts = Vec::new();
    let rows = desk.rows("SELECT * FROM big_account ORDER BY name", 0)?;
    let only_inactive = ask.parameter("onlyInactive") == Some("true");
    let is_tree = ask.parameter("structure") != Some("flat");
    for row in rows.iter().filter(|_| !only_inactive) {
        let mut account = view(desk, row)?;
        account["formatted_amount"] = formatted(row.int("amount")).into();
        account["flatten_name"] = row.text("name").into();
        account["bank_balance_formatted"] = "0.00".into();
        account["last_feeds_updated_at_formatted"] = "".into();
        account["is_feeds_paused"] = false.into();
        account["account_level"] = 1.into();
        if is_tree {
            account["children"] = json!([]);
        }
        accounts.push(account);
    }
    let meta = json!({ "order": "desc", "field_key": "created_at" });
    Ok(json_answer(200, &json!({ "accounts": accounts, "filter_meta": meta })))
}

/// Refuses an account that payments of a customer in `currency` cannot go to.
pub(super) fn check_deposit(desk: &Desk<'_>, account: i64, currency: &str) -> Result<(), Refusal> {
    let Some(account) = desk.row("big_account", account)? else {
        return Err(Refusal::domain("DEPOSIT_ACCOUNT_NOT_FOUND"));
    };
    if !DEPOSIT_TYPES.contains(&account.text("account_type")) {
        return Err(Refusal::domain("DEPOSIT_ACCOUNT_INVALID_TYPE"));
    }
    let own = account.text("currency_code");
    if own != currency && own != desk.setup("base_currency")? {
        return Err(Refusal::domain("PAYMENT_ACCOUNT_CURRENCY_INVALID"));
    }
    Ok(())
}

/// `GET currencies`
pub(super) fn currencies(desk: &Desk<'_>, _: &Ask) -> Result<Answer, Refusal> {
    let base = desk.setup("base_currency")?;
    let rows = desk.rows("SELECT * FROM big_currency ORDER BY id", 0)?;
    let currencies = rows.iter().map(|row| {
        json!({
            "id": row.int("id"), "currency_name": row.text("name"), "currency_code": row.text("code"),
            "currency_sign": row.text("sign"), "created_at": null, "updated_at": null,
            "is_base_currency": row.text("code") == base,
        })
    });
    Ok(json_answer(200, &currencies.collect()))
}

/// `POST currencies`
pub(super) fn add_currency(desk: &Desk<'_>, ask: &Ask) -> Result<Answer, Refusal> {
    let properties = [
        required("currencyName", Kind::Text),
        required("currencyCode", Kind::Text),
        required("currencySign", Kind::Text),
    ];
    let body = check(&ask.body, &properties)?;
    check_storable(&body)?;
    let code = body["currencyCode"].as_str().unwrap_or_default();
    if !desk.rows("SELECT id FROM big_currency WHERE code = ?1 COLLATE NOCASE", code.to_owned())?.is_empty() {
        return Err(Refusal::domain("CURRENCY_CODE_EXISTS"));
    }
    let id = desk.next("currency")?;
    desk.insert(
        "big_currency",
        vec![
            ("id", id.into()),
            ("code", text_cell(body.get("currencyCode"))),
            ("name", text_cell(body.get("currencyName"))),
            ("sign", text_cell(body.get("currencySign"))),
        ],
    )?;
    Ok(json_answer(201, &Value::Null))
}

/// The sign of a currency; its code when it is not on the list.
pub(super) fn sign(desk: &Desk<'_>, currency: &str) -> Result<String, Refusal> {
    let rows = desk.rows("SELECT sign FROM big_currency WHERE code = ?1", currency.to_owned())?;
    Ok(rows.first().map_or(currency, |row| row.text("sign")).to_owned())
}

/// `GET branches`: nothing while the feature is off.
pub(super) fn branches(desk: &Desk<'_>, _: &Ask) -> Result<Answer, Refusal> {
    let rows = desk.rows("SELECT * FROM big_branch ORDER BY id", 0)?;
    Ok(json_answer(200, &rows.iter().map(branch).collect()))
}

/// A branch as answers show it.
pub(super) fn branch(row: &Row) -> Value {
    json!({
        "id": row.int("id"), "name": row.text("name"), "code": row.text("code"), "address": null,
        "city": null, "country": null, "email": null, "website": null, "primary": row.int("is_primary"),
        "phone_number": null, "created_at": null, "updated_at": null,
    })
}

/// `POST branches/activate`: switches the feature on, which makes the first branch.
pub(super) fn switch_branches_on(desk: &Desk<'_>, _: &Ask) -> Result<Answer, Refusal> {
    if desk.setup("branches")? == "on" {
        return Err(Refusal::domain("MUTLI_BRANCHES_ALREADY_ACTIVATED"));
    }
    desk.connection.execute("INSERT OR REPLACE INTO big_setup VALUES ('branches', 'on')", [])?;
    let id = desk.next("branch")?;
    desk.connection.execute("INSERT INTO big_branch VALUES (?1, 'Head Branch', '10001', 1)", [id])?;
    Ok(json_answer(200, &Value::Null))
}

/// `POST items`
pub(super) fn add_item(desk: &Desk<'_>, ask: &Ask) -> Result<Answer, Refusal> {
    let properties = [
        required("name", Kind::Text),
        required("type", Kind::Text),
        optional("sellable", Kind::Flag),
        optional("sellPrice", Kind::Number),
        optional("sellAccountId", Kind::Whole),
    ];
    let body = check(&ask.body, &properties)?;
    check_storable(&body)?;
    let id = desk.next("item")?;
    let price = body.get("sellPrice").map(thousandths).transpose()?;
    let sellable = body.get("sellable").and_then(Value::as_bool).map(i64::from);
    desk.insert(
        "big_item",
        vec![
            ("id", id.into()),
            ("name", text_cell(body.get("name"))),
            ("type", text_cell(body.get("type"))),
            ("sellable", sellable.into()),
            ("sell_price", price.into()),
            ("sell_account_id", body.get("sellAccountId").and_then(Value::as_i64).into()),
        ],
    )?;
    let message = "The item has been successfully created.";
    Ok(json_answer(201, &json!({ "id": id, "message": message })))
}

/// An item as inside an invoice.
pub(super) fn item(desk: &Desk<'_>, id: i64) -> Result<Value, Refusal> {
    let Some(row) = desk.row("big_item", id)? else { return Ok(Value::Null) };
    Ok(json!({
        "id": row.int("id"), "name": row.text("name"), "type": row.text("type"), "code": null,
        "sellable": row.json_int("sellable"), "purchasable": null, "note": null, "active": 1,
        "sell_price": row.maybe_int("sell_price").map_or(Value::Null, figures::json), "cost_price": null,
        "picture_uri": null, "cost_account_id": null, "sell_account_id": row.json_int("sell_account_id"),
        "inventory_account_id": null, "sell_description": null, "purchase_description": null,
        "quantity_on_hand": null, "landed_cost": null, "category_id": null, "user_id": null,
        "created_at": null, "updated_at": null, "sell_tax_rate_id": null, "purchase_tax_rate_id": null,
    }))
}

/// `GET items`
pub(super) fn items(desk: &Desk<'_>, _: &Ask) -> Result<Answer, Refusal> {
    let rows = desk.rows("SELECT id FROM big_item ORDER BY id", 0)?;
    let items: Vec<Value> = rows.iter().map(|row| item(desk, row.int("id"))).collect::<Result<_, _>>()?;
    let pagination = json!({ "total": items.len(), "page": 1, "page_size": 12 });
    let meta = json!({ "order": "desc", "field_key": "created_at" });
    Ok(json_answer(200, &json!({ "items": items, "pagination": pagination, "filter_meta": meta })))
}
