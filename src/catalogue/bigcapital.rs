//! Bigcapital's API, in the one version there is.
//!
//! Names are the neutral ones wherever Business Central has the same thing; the rest are Bigcapital's own. `wire` is
//! the name in requests; answers have it in `snake_case`. What Bigcapital cannot hold has no line here: a customer's
//! number, postal code, credit limit, terms of payment. An amount of a payment is negative, as it is everywhere in
//! neutral form, and positive on the wire.
//!
//! Source: `reference/bigcapital/entities.json`, observed on a running server. Texts are columns of 255 characters of
//! at most three bytes, notes 65,535 bytes; money is `decimal(13,3)`, a rate `decimal(13,9)`.

use super::{Dialect, Entity, Field, Kind, Member, Refuses};

/// The API as it is.
pub static DIALECT: Dialect = Dialect {
    system: "bigcapital",
    name: "current",
    title: "Bigcapital",
    customers: &CUSTOMERS,
    payments: &PAYMENTS,
    financial_details: &CUSTOMER_BALANCES,
    journals: None,
    default_dimensions: None,
    plain_members: false,
    has_one_email: true,
    has_own_balances: true,
};

/// The neutral members; `business` and `individual` on the wire.
const TYPES: &[Member] = &[
    Member { wire: "Company", captions: &["company", "business", "organization", "organisation"] },
    Member { wire: "Person", captions: &["person", "individual", "private"] },
];

/// The longest text of a column.
const TEXT: u16 = 255;

/// Characters that 65,535 bytes hold, whatever they are.
const NOTE: u16 = 21_845;

const fn text(name: &'static str, wire: &'static str) -> Field {
    Field::text(name, TEXT).at(wire).refuses(Refuses::FourBytes)
}

/// Source: one address, where Business Central takes several parted by semicolons.
const fn email(name: &'static str, wire: &'static str) -> Field {
    text(name, wire).kind(Kind::Email).holds_one()
}

const fn money(name: &'static str, wire: &'static str) -> Field {
    Field::new(name, Kind::Decimal(3)).at(wire).refuses(Refuses::DigitsOver(10))
}

const fn rate(name: &'static str, wire: &'static str) -> Field {
    Field::new(name, Kind::Decimal(9)).at(wire).refuses(Refuses::DigitsOver(4))
}

/// Customers. Nothing about them is unique.
pub static CUSTOMERS: Entity = Entity {
    set: "customers",
    fields: &[
        Field::text("id", 0).read_only(),
        text("displayName", "displayName").required().goes_along().or_from("companyName").also(&[
            "name",
            "customer name",
            "customer",
        ]),
        Field::new("type", Kind::Enum(TYPES))
            .at("customerType")
            .preset("Company")
            .goes_along()
            .also(&["customer type", "contact type"]),
        text("salutation", "salutation").also(&["title"]),
        text("firstName", "firstName").also(&["given name"]),
        text("lastName", "lastName").also(&["surname", "family name"]),
        text("companyName", "companyName").also(&["company"]),
        text("addressLine1", "billingAddress1").also(&[
            "address",
            "address 1",
            "street",
            "street address",
            "billing address",
            "billing address 1",
        ]),
        text("addressLine2", "billingAddress2").also(&["address 2", "street 2", "billing address 2"]),
        text("city", "billingAddressCity").also(&["town", "billing city", "billing address city"]),
        text("state", "billingAddressState").also(&[
            "county",
            "province",
            "region",
            "state province",
            "billing state",
            "billing address state",
        ]),
        text("country", "billingAddressCountry").also(&[
            "country code",
            "country region",
            "country region code",
            "billing country",
            "billing address country",
        ]),
        text("billingPhoneNumber", "billingAddressPhone").also(&["billing phone", "billing address phone"]),
        email("billingEmail", "billingAddressEmail").also(&["billing address email"]),
        text("shippingAddressLine1", "shippingAddress1").also(&["shipping address", "shipping address 1"]),
        text("shippingAddressLine2", "shippingAddress2").also(&["shipping address 2"]),
        text("shippingCity", "shippingAddressCity").also(&["shipping address city"]),
        text("shippingState", "shippingAddressState").also(&["shipping address state"]),
        text("shippingCountry", "shippingAddressCountry").also(&["shipping address country"]),
        text("shippingPhoneNumber", "shippingAddressPhone")
            .also(&["shipping phone", "shipping address phone"]),
        email("shippingEmail", "shippingAddressEmail").also(&["shipping address email"]),
        text("phoneNumber", "workPhone").also(&["phone", "phone no", "telephone", "tel", "work phone"]),
        text("mobilePhoneNumber", "personalPhone").also(&[
            "mobile",
            "mobile phone",
            "personal phone",
            "cell",
        ]),
        email("email", "email").also(&["e mail", "mail", "email address"]),
        text("website", "website").also(&["home page", "homepage", "web", "url", "web site"]),
        Field::text("note", NOTE).refuses(Refuses::FourBytes).also(&["notes", "remark", "comment"]),
        Field::new("active", Kind::Boolean).preset("true").also(&["is active"]),
        Field::code("currencyCode", 3).create_only().code_of("currencies").also(&["currency"]),
        money("openingBalance", "openingBalance"),
        Field::new("openingBalanceDate", Kind::Date).at("openingBalanceAt").also(&["opening balance at"]),
        rate("openingBalanceExchangeRate", "openingBalanceExchangeRate").preset("1"),
        Field::new("openingBalanceBranchId", Kind::Integer),
        money("balance", "balance").read_only(),
        money("localOpeningBalance", "localOpeningBalance").read_only(),
    ],
    navigations: &[],
};

/// Payments received, each for one invoice.
pub static PAYMENTS: Entity = Entity {
    set: "payments-received",
    fields: &[
        Field::text("id", 0).read_only(),
        Field::text("documentNumber", TEXT)
            .at("paymentReceiveNo")
            .refuses(Refuses::Numerals)
            .required()
            .create_only()
            .also(&[
                "document",
                "document no",
                "doc no",
                "payment number",
                "payment no",
                "payment receive no",
                "payment received no",
            ]),
        text("customerNumber", "").create_only().unlisted().code_of("customers").also(&[
            "customer",
            "customer no",
            "customer code",
            "customer name",
            "account",
            "account number",
        ]),
        Field::new("customerId", Kind::Integer).planned().goes_along(),
        text("customerName", "").read_only(),
        Field::new("postingDate", Kind::Date).at("paymentDate").required().goes_along().also(&[
            "date",
            "payment date",
            "paid on",
            "value date",
        ]),
        Field::new("amount", Kind::Decimal(3)).refuses(Refuses::Cents).required().goes_along().also(&[
            "payment amount",
            "amount paid",
            "paid",
            "value",
        ]),
        // Several with the part of each: `INV-1=50; INV-2=20`.
        Field::text("appliesToInvoiceNumber", NOTE)
            .refuses(Refuses::FourBytes)
            .required()
            .unlisted()
            .code_of("salesInvoices")
            .also(&[
                "applies to invoice",
                "applies to invoice no",
                "invoice",
                "invoice number",
                "invoice no",
            ]),
        Field::text("appliesToInvoiceId", 0).planned().goes_along().unlisted(),
        text("depositAccountNumber", "").code_of("accounts").also(&[
            "deposit account",
            "deposit to",
            "bank account",
            "balancing account number",
        ]),
        Field::new("depositAccountId", Kind::Integer).planned().goes_along(),
        text("externalDocumentNumber", "referenceNo").also(&[
            "external document no",
            "external document",
            "reference",
            "reference no",
            "bank reference",
            "payment reference",
        ]),
        Field::text("description", NOTE).at("statement").refuses(Refuses::FourBytes).also(&[
            "text",
            "purpose",
            "statement",
        ]),
        rate("exchangeRate", "exchangeRate").preset("1").goes_along(),
        // Source: where there are branches, an edit needs one again.
        Field::new("branchId", Kind::Integer).goes_along(),
        Field::code("currencyCode", 3).read_only(),
        money("localAmount", "localAmount").read_only(),
        // What of the amount is applied to invoices; the rest is on account.
        money("appliedAmount", "").planned().unlisted(),
    ],
    navigations: &[],
};

/// What each customer owes in the base currency, from the balance summary report.
pub static CUSTOMER_BALANCES: Entity = Entity {
    set: "reports/customer-balance-summary",
    fields: &[
        Field::text("id", 0).read_only(),
        Field::text("displayName", TEXT).at("customerName").read_only(),
        Field::new("balance", Kind::Decimal(3)).read_only(),
        Field::code("currencyCode", 3).read_only(),
    ],
    navigations: &[],
};

/// Every table of the dialect.
pub static ENTITIES: &[&Entity] = &[&CUSTOMERS, &PAYMENTS, &CUSTOMER_BALANCES];
