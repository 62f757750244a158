//! Business Central API v2.0.
//!
//! Source: the API pages of the application (`APIV2 - Customers`, `APIV2 - Customer Payments`, …, version
//! 29.0) for names and writability, the AL tables behind them for lengths.

use super::{Dialect, Entity, Field, Kind, Member, Navigation};

/// API v2.0, whose names are the neutral ones.
pub static DIALECT: Dialect = Dialect {
    system: "business-central",
    name: "v2.0",
    title: "Business Central v2.0",
    customers: &CUSTOMERS,
    payments: &CUSTOMER_PAYMENTS,
    financial_details: &CUSTOMER_FINANCIAL_DETAILS,
    journals: Some(&CUSTOMER_PAYMENT_JOURNALS),
};

const TYPES: &[Member] =
    &[Member { wire: "Company", captions: &["company"] }, Member { wire: "Person", captions: &["person"] }];

const BLOCKED: &[Member] = &[
    Member { wire: "_x0020_", captions: &[" ", "none", "no", "false", "_x0020_"] },
    Member { wire: "Ship", captions: &["ship"] },
    Member { wire: "Invoice", captions: &["invoice"] },
    Member { wire: "All", captions: &["all"] },
];

const POSTING_VALIDATION: &[Member] = &[
    Member { wire: "_x0020_", captions: &[" ", "none", "_x0020_"] },
    Member { wire: "Code_x0020_Mandatory", captions: &["code mandatory"] },
    Member { wire: "Same_x0020_Code", captions: &["same code"] },
    Member { wire: "No_x0020_Code", captions: &["no code"] },
];

const PARENT_TYPES: &[Member] = &[
    Member { wire: "_x0020_", captions: &[" ", "_x0020_"] },
    Member { wire: "Customer", captions: &["customer"] },
    Member { wire: "Item", captions: &["item"] },
    Member { wire: "Vendor", captions: &["vendor"] },
    Member { wire: "Employee", captions: &["employee"] },
];

const TAX_TYPES: &[Member] = &[
    Member { wire: "Sales_x0020_Tax", captions: &["sales tax"] },
    Member { wire: "VAT", captions: &["vat"] },
];

const ADDRESS_FORMATS: &[Member] = &[
    Member { wire: "Post_x0020_Code_x002B_City", captions: &["post code+city"] },
    Member { wire: "City_x002B_Post_x0020_Code", captions: &["city+post code"] },
    Member { wire: "City_x002B_County_x002B_Post_x0020_Code", captions: &["city+county+post code"] },
    Member {
        wire: "Blank_x0020_Line_x002B_Post_x0020_Code_x002B_City",
        captions: &["blank line+post code+city"],
    },
    Member { wire: "Custom", captions: &["custom"] },
];

/// Customers: the people and organizations that are invoiced.
pub static CUSTOMERS: Entity = Entity {
    set: "customers",
    fields: &[
        Field::id(),
        Field::code("number", 20).also(&[
            "no",
            "customer no",
            "customer number",
            "customer id",
            "customer code",
            "account number",
        ]),
        Field::text("displayName", 100).required().also(&[
            "name",
            "customer name",
            "customer",
            "company name",
            "company",
        ]),
        Field::new("type", Kind::Enum(TYPES)).also(&["customer type", "contact type"]),
        Field::text("addressLine1", 100).also(&["address", "address 1", "street", "street address"]),
        Field::text("addressLine2", 50).also(&["address 2", "street 2"]),
        Field::text("city", 30).also(&["town"]),
        Field::text("state", 30).also(&["county", "province", "region", "state province"]),
        Field::code("country", 10).code_of("countriesRegions").also(&[
            "country code",
            "country region",
            "country region code",
        ]),
        Field::code("postalCode", 20).also(&["post code", "zip", "zip code", "postcode"]),
        Field::text("phoneNumber", 30).kind(Kind::Phone).also(&["phone", "phone no", "telephone", "tel"]),
        Field::text("email", 80).kind(Kind::Email).also(&["e mail", "mail", "email address"]),
        Field::text("website", 255).also(&["home page", "homepage", "web", "url", "web site"]),
        Field::code("salespersonCode", 20).code_of("salespeoplePurchasers").also(&[
            "salesperson",
            "sales person",
            "sales rep",
        ]),
        Field::new("balanceDue", Kind::Decimal(5)).read_only(),
        Field::new("creditLimit", Kind::Decimal(5)).also(&["credit limit lcy", "credit"]),
        Field::new("taxLiable", Kind::Boolean).also(&["taxable"]),
        Field::new("taxAreaId", Kind::Guid).id_of("taxAreas").also(&[
            "tax area",
            "tax area code",
            "vat bus posting group",
        ]),
        Field::text("taxAreaDisplayName", 0).read_only(),
        Field::code("taxRegistrationNumber", 20).also(&[
            "tax registration no",
            "vat registration no",
            "vat number",
            "vat no",
            "vat id",
            "tax id",
            "tax number",
        ]),
        Field::new("currencyId", Kind::Guid).id_of("currencies"),
        Field::code("currencyCode", 10).kind(Kind::CutText).code_of("currencies").also(&["currency"]),
        Field::new("paymentTermsId", Kind::Guid).id_of("paymentTerms").also(&[
            "payment terms",
            "payment terms code",
            "terms",
            "payment term",
        ]),
        Field::new("shipmentMethodId", Kind::Guid)
            .id_of("shipmentMethods")
            .also(&["shipment method", "shipment method code"]),
        Field::new("paymentMethodId", Kind::Guid)
            .id_of("paymentMethods")
            .also(&["payment method", "payment method code"]),
        Field::new("blocked", Kind::Enum(BLOCKED)).also(&["block", "status"]),
        Field::modified().also(&["last modified"]),
    ],
    navigations: &[
        Navigation { name: "customerFinancialDetail", set: "customerFinancialDetails", many: false },
        Navigation { name: "currency", set: "currencies", many: false },
        Navigation { name: "paymentTerm", set: "paymentTerms", many: false },
        Navigation { name: "shipmentMethod", set: "shipmentMethods", many: false },
        Navigation { name: "paymentMethod", set: "paymentMethods", many: false },
        Navigation { name: "defaultDimensions", set: "defaultDimensions", many: true },
    ],
};

/// What each customer owes, in local currency; one row per customer with the customer's id.
pub static CUSTOMER_FINANCIAL_DETAILS: Entity = Entity {
    set: "customerFinancialDetails",
    fields: &[
        Field::id(),
        Field::code("number", 20).read_only(),
        Field::new("balance", Kind::Decimal(5)).read_only(),
        Field::new("totalSalesExcludingTax", Kind::Decimal(5)).read_only(),
        Field::new("overdueAmount", Kind::Decimal(5)).read_only(),
        Field::modified(),
    ],
    navigations: &[],
};

/// Payment journals: batches of payment lines that wait to be posted.
pub static CUSTOMER_PAYMENT_JOURNALS: Entity = Entity {
    set: "customerPaymentJournals",
    fields: &[
        Field::id(),
        Field::code("code", 10).required(),
        Field::text("displayName", 100),
        Field::modified(),
        Field::new("balancingAccountId", Kind::Guid).id_of("accounts"),
        Field::code("balancingAccountNumber", 20).read_only(),
    ],
    navigations: &[Navigation { name: "customerPayments", set: "customerPayments", many: true }],
};

/// Payments: lines of a payment journal. The server posts nothing when one is created.
pub static CUSTOMER_PAYMENTS: Entity = Entity {
    set: "customerPayments",
    fields: &[
        Field::id(),
        Field::new("journalId", Kind::Guid).create_only().id_of("customerPaymentJournals"),
        Field::code("journalDisplayName", 10).create_only(),
        Field::new("lineNumber", Kind::Integer),
        Field::new("customerId", Kind::Guid).id_of("customers"),
        Field::code("customerNumber", 20).code_of("customers").also(&[
            "customer",
            "customer no",
            "customer code",
            "account",
            "account number",
        ]),
        Field::new("postingDate", Kind::Date).also(&["date", "payment date", "paid on", "value date"]),
        Field::code("documentNumber", 20).required().also(&[
            "document",
            "document no",
            "doc no",
            "payment number",
            "payment no",
        ]),
        Field::code("externalDocumentNumber", 35).also(&[
            "external document no",
            "external document",
            "reference",
            "bank reference",
            "payment reference",
        ]),
        Field::new("amount", Kind::Decimal(2)).required().also(&[
            "payment amount",
            "amount paid",
            "paid",
            "value",
        ]),
        Field::new("appliesToInvoiceId", Kind::Guid).id_of("salesInvoices"),
        Field::code("appliesToInvoiceNumber", 20).also(&[
            "applies to invoice",
            "applies to invoice no",
            "invoice",
            "invoice number",
            "invoice no",
        ]),
        Field::text("description", 100).also(&["text", "purpose"]),
        Field::text("comment", 250).also(&["note", "notes", "remark"]),
        Field::modified(),
    ],
    navigations: &[Navigation { name: "customer", set: "customers", many: false }],
};

/// Foreign currencies; the local one usually has no row.
pub static CURRENCIES: Entity = Entity {
    set: "currencies",
    fields: &[
        Field::id(),
        Field::code("code", 10).required(),
        Field::text("displayName", 30),
        Field::text("symbol", 10),
        Field::text("amountDecimalPlaces", 5),
        Field::new("amountRoundingPrecision", Kind::Decimal(5)),
        Field::modified(),
    ],
    navigations: &[],
};

/// Payment terms.
pub static PAYMENT_TERMS: Entity = Entity {
    set: "paymentTerms",
    fields: &[
        Field::id(),
        Field::code("code", 10).required(),
        Field::text("displayName", 100),
        Field::text("dueDateCalculation", 0),
        Field::text("discountDateCalculation", 0),
        Field::new("discountPercent", Kind::Decimal(5)),
        Field::new("calculateDiscountOnCreditMemos", Kind::Boolean),
        Field::modified(),
    ],
    navigations: &[],
};

/// Payment methods.
pub static PAYMENT_METHODS: Entity = Entity {
    set: "paymentMethods",
    fields: &[
        Field::id(),
        Field::code("code", 10).required(),
        Field::text("displayName", 100),
        Field::modified(),
    ],
    navigations: &[],
};

/// Shipment methods.
pub static SHIPMENT_METHODS: Entity = Entity {
    set: "shipmentMethods",
    fields: &[
        Field::id(),
        Field::code("code", 10).required(),
        Field::text("displayName", 100),
        Field::modified(),
    ],
    navigations: &[],
};

/// Tax areas, or VAT business posting groups where VAT is used.
pub static TAX_AREAS: Entity = Entity {
    set: "taxAreas",
    fields: &[
        Field::id(),
        Field::code("code", 20).required(),
        Field::text("displayName", 100),
        Field::new("taxType", Kind::Enum(TAX_TYPES)).read_only(),
        Field::modified(),
    ],
    navigations: &[],
};

/// Countries and regions.
pub static COUNTRIES_REGIONS: Entity = Entity {
    set: "countriesRegions",
    fields: &[
        Field::id(),
        Field::code("code", 10).required(),
        Field::text("displayName", 50),
        Field::new("addressFormat", Kind::Enum(ADDRESS_FORMATS)),
        Field::modified(),
    ],
    navigations: &[],
};

/// Dimensions.
pub static DIMENSIONS: Entity = Entity {
    set: "dimensions",
    fields: &[
        Field::id(),
        Field::code("code", 20).read_only(),
        Field::text("displayName", 30).read_only(),
        Field::code("consolidationCode", 20).read_only(),
        Field::modified(),
    ],
    navigations: &[],
};

/// The dimension values that new documents of a customer start with.
pub static DEFAULT_DIMENSIONS: Entity = Entity {
    set: "defaultDimensions",
    fields: &[
        Field::id(),
        Field::new("parentType", Kind::Enum(PARENT_TYPES)),
        Field::new("parentId", Kind::Guid).id_of("customers"),
        Field::new("dimensionId", Kind::Guid).id_of("dimensions"),
        Field::code("dimensionCode", 20).read_only(),
        Field::new("dimensionValueId", Kind::Guid).id_of("dimensionValues"),
        Field::code("dimensionValueCode", 20).read_only(),
        Field::new("postingValidation", Kind::Enum(POSTING_VALIDATION)),
        Field::modified(),
    ],
    navigations: &[],
};

/// Every table of the dialect.
pub static ENTITIES: &[&Entity] = &[
    &CUSTOMERS,
    &CUSTOMER_FINANCIAL_DETAILS,
    &CUSTOMER_PAYMENT_JOURNALS,
    &CUSTOMER_PAYMENTS,
    &CURRENCIES,
    &PAYMENT_TERMS,
    &PAYMENT_METHODS,
    &SHIPMENT_METHODS,
    &TAX_AREAS,
    &COUNTRIES_REGIONS,
    &DIMENSIONS,
    &DEFAULT_DIMENSIONS,
];
