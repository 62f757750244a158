//! What the dialects of Business Central have in common: fields, and the values of enumerations.
//!
//! Each stands here as API v2.0 has it, under its neutral name. A dialect's table takes it as it is, or says in the
//! same line what is different there: another length, another place, read-only.
//!
//! Source: the API pages of the application (version 29.0) for names and writability, the AL tables behind them for
//! lengths.

use super::Member;

pub(super) const TYPES: &[Member] =
    &[Member { wire: "Company", captions: &["company"] }, Member { wire: "Person", captions: &["person"] }];

pub(super) const BLOCKED_MEMBERS: &[Member] = &[
    Member { wire: "_x0020_", captions: &[" ", "none", "no", "false", "_x0020_"] },
    Member { wire: "Ship", captions: &["ship"] },
    Member { wire: "Invoice", captions: &["invoice"] },
    Member { wire: "All", captions: &["all"] },
];

pub(super) const POSTING_MEMBERS: &[Member] = &[
    Member { wire: "_x0020_", captions: &[" ", "none", "_x0020_"] },
    Member { wire: "Code_x0020_Mandatory", captions: &["code mandatory"] },
    Member { wire: "Same_x0020_Code", captions: &["same code"] },
    Member { wire: "No_x0020_Code", captions: &["no code"] },
];

/// Customers.
pub(super) mod customers {
    use super::super::{Field, Kind};
    use super::{BLOCKED_MEMBERS, TYPES};

    pub(in super::super) const NUMBER: Field = Field::code("number", 20).also(&[
        "no",
        "customer no",
        "customer number",
        "customer id",
        "customer code",
        "account number",
    ]);

    pub(in super::super) const DISPLAY_NAME: Field = Field::text("displayName", 100).required().also(&[
        "name",
        "customer name",
        "customer",
        "company name",
        "company",
    ]);

    pub(in super::super) const TYPE: Field =
        Field::new("type", Kind::Enum(TYPES)).also(&["customer type", "contact type"]);

    pub(in super::super) const ADDRESS_LINE1: Field =
        Field::text("addressLine1", 100).also(&["address", "address 1", "street", "street address"]);

    pub(in super::super) const ADDRESS_LINE2: Field =
        Field::text("addressLine2", 50).also(&["address 2", "street 2"]);

    pub(in super::super) const CITY: Field = Field::text("city", 30).also(&["town"]);

    pub(in super::super) const STATE: Field =
        Field::text("state", 30).also(&["county", "province", "region", "state province"]);

    /// Source: another country clears postal code, city and state.
    pub(in super::super) const COUNTRY: Field = Field::code("country", 10)
        .code_of("countriesRegions")
        .clears(&["postalCode", "city", "state"])
        .also(&["country code", "country region", "country region code"]);

    /// Source: a postal code found in the post code table overwrites city, country and state.
    pub(in super::super) const POSTAL_CODE: Field = Field::code("postalCode", 20)
        .overwrites(&["city", "state", "country"])
        .also(&["post code", "zip", "zip code", "postcode"]);

    pub(in super::super) const PHONE_NUMBER: Field =
        Field::text("phoneNumber", 30).kind(Kind::Phone).also(&["phone", "phone no", "telephone", "tel"]);

    pub(in super::super) const EMAIL: Field =
        Field::text("email", 80).kind(Kind::Email).also(&["e mail", "mail", "email address"]);

    pub(in super::super) const WEBSITE: Field =
        Field::text("website", 255).also(&["home page", "homepage", "web", "url", "web site"]);

    pub(in super::super) const TAX_LIABLE: Field = Field::new("taxLiable", Kind::Boolean).also(&["taxable"]);

    pub(in super::super) const TAX_AREA_ID: Field = Field::new("taxAreaId", Kind::Guid)
        .id_of("taxAreas")
        .also(&["tax area", "tax area code", "vat bus posting group"]);

    pub(in super::super) const TAX_AREA_DISPLAY_NAME: Field =
        Field::text("taxAreaDisplayName", 0).read_only();

    pub(in super::super) const TAX_REGISTRATION_NUMBER: Field = Field::code("taxRegistrationNumber", 20)
        .also(&[
            "tax registration no",
            "vat registration no",
            "vat number",
            "vat no",
            "vat id",
            "tax id",
            "tax number",
        ]);

    pub(in super::super) const CURRENCY_ID: Field = Field::new("currencyId", Kind::Guid).id_of("currencies");

    pub(in super::super) const CURRENCY_CODE: Field =
        Field::code("currencyCode", 10).kind(Kind::CutText).code_of("currencies").also(&["currency"]);

    pub(in super::super) const PAYMENT_TERMS_ID: Field = Field::new("paymentTermsId", Kind::Guid)
        .id_of("paymentTerms")
        .also(&["payment terms", "payment terms code", "terms", "payment term"]);

    pub(in super::super) const SHIPMENT_METHOD_ID: Field = Field::new("shipmentMethodId", Kind::Guid)
        .id_of("shipmentMethods")
        .also(&["shipment method", "shipment method code"]);

    pub(in super::super) const PAYMENT_METHOD_ID: Field = Field::new("paymentMethodId", Kind::Guid)
        .id_of("paymentMethods")
        .also(&["payment method", "payment method code"]);

    pub(in super::super) const BLOCKED: Field =
        Field::new("blocked", Kind::Enum(BLOCKED_MEMBERS)).also(&["block", "status"]);
}

/// Payments, which wait as lines of a payment journal.
pub(super) mod payments {
    use super::super::{Field, Kind};

    pub(in super::super) const JOURNAL_DISPLAY_NAME: Field =
        Field::code("journalDisplayName", 10).create_only();

    pub(in super::super) const LINE_NUMBER: Field = Field::new("lineNumber", Kind::Integer);

    /// Files may give the name, where they have no numbers.
    pub(in super::super) const CUSTOMER_ID: Field =
        Field::new("customerId", Kind::Guid).id_of("customers").also(&["customer name"]);

    pub(in super::super) const CUSTOMER_NUMBER: Field = Field::code("customerNumber", 20)
        .code_of("customers")
        .also(&["customer", "customer no", "customer code", "account", "account number"]);

    pub(in super::super) const POSTING_DATE: Field =
        Field::new("postingDate", Kind::Date).also(&["date", "payment date", "paid on", "value date"]);

    pub(in super::super) const DOCUMENT_NUMBER: Field = Field::code("documentNumber", 20).required().also(&[
        "document",
        "document no",
        "doc no",
        "payment number",
        "payment no",
    ]);

    pub(in super::super) const EXTERNAL_DOCUMENT_NUMBER: Field = Field::code("externalDocumentNumber", 35)
        .also(&[
            "external document no",
            "external document",
            "reference",
            "bank reference",
            "payment reference",
        ]);

    pub(in super::super) const AMOUNT: Field = Field::new("amount", Kind::Decimal(2)).required().also(&[
        "payment amount",
        "amount paid",
        "paid",
        "value",
    ]);

    pub(in super::super) const APPLIES_TO_INVOICE_ID: Field =
        Field::new("appliesToInvoiceId", Kind::Guid).id_of("salesInvoices");

    pub(in super::super) const APPLIES_TO_INVOICE_NUMBER: Field = Field::code("appliesToInvoiceNumber", 20)
        .also(&["applies to invoice", "applies to invoice no", "invoice", "invoice number", "invoice no"]);

    pub(in super::super) const DESCRIPTION: Field =
        Field::text("description", 100).also(&["text", "purpose"]);

    pub(in super::super) const COMMENT: Field =
        Field::text("comment", 250).also(&["note", "notes", "remark"]);
}

/// What each customer owes, in local currency.
pub(super) mod financial_details {
    use super::super::{Field, Kind};

    pub(in super::super) const NUMBER: Field = Field::code("number", 20).read_only();

    pub(in super::super) const BALANCE: Field = Field::new("balance", Kind::Decimal(5)).read_only();

    pub(in super::super) const TOTAL_SALES_EXCLUDING_TAX: Field =
        Field::new("totalSalesExcludingTax", Kind::Decimal(5)).read_only();

    pub(in super::super) const OVERDUE_AMOUNT: Field =
        Field::new("overdueAmount", Kind::Decimal(5)).read_only();
}

/// Payment journals.
pub(super) mod journals {
    use super::super::{Field, Kind};

    pub(in super::super) const CODE: Field = Field::code("code", 10).required();

    pub(in super::super) const DISPLAY_NAME: Field = Field::text("displayName", 100);

    pub(in super::super) const BALANCING_ACCOUNT_ID: Field =
        Field::new("balancingAccountId", Kind::Guid).id_of("accounts");

    pub(in super::super) const BALANCING_ACCOUNT_NUMBER: Field =
        Field::code("balancingAccountNumber", 20).read_only();
}

/// Dimension values that new documents of a customer start with.
pub(super) mod default_dimensions {
    use super::super::{Field, Kind};
    use super::POSTING_MEMBERS;

    /// The customer's number stands on the customer, and is read with it.
    pub(in super::super) const CUSTOMER_NUMBER: Field = Field::code("customerNumber", 20)
        .required()
        .code_of("customers")
        .named()
        .also(&["customer", "customer no", "customer code", "account", "account number", "no", "number"]);

    pub(in super::super) const PARENT_ID: Field =
        Field::new("parentId", Kind::Guid).id_of("customers").following("customerNumber");

    pub(in super::super) const DIMENSION_ID: Field =
        Field::new("dimensionId", Kind::Guid).id_of("dimensions").following("dimensionCode");

    pub(in super::super) const DIMENSION_CODE: Field =
        Field::code("dimensionCode", 20).required().code_of("dimensions").named().also(&["dimension"]);

    pub(in super::super) const DIMENSION_VALUE_ID: Field =
        Field::new("dimensionValueId", Kind::Guid).id_of("dimensionValues").following("dimensionValueCode");

    pub(in super::super) const DIMENSION_VALUE_CODE: Field =
        Field::code("dimensionValueCode", 20).named().also(&["dimension value", "value", "value code"]);

    pub(in super::super) const POSTING_VALIDATION: Field =
        Field::new("postingValidation", Kind::Enum(POSTING_MEMBERS)).also(&[
            "value posting",
            "posting rule",
            "posting",
        ]);
}
