//! Business Central API v2.0.
//!
//! Source: the API pages of the application (`APIV2 - Customers`, `APIV2 - Customer Payments`, …, version
//! 29.0) for names and writability, the AL tables behind them for lengths.

use super::business_central::{customers, default_dimensions, financial_details, journals, payments};
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
    default_dimensions: Some(&DEFAULT_DIMENSIONS),
    plain_members: false,
    has_one_email: false,
    has_own_balances: false,
};

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
        customers::NUMBER,
        customers::DISPLAY_NAME,
        customers::TYPE,
        customers::ADDRESS_LINE1,
        customers::ADDRESS_LINE2,
        customers::CITY,
        customers::STATE,
        customers::COUNTRY,
        customers::POSTAL_CODE,
        customers::PHONE_NUMBER,
        customers::EMAIL,
        customers::WEBSITE,
        Field::code("salespersonCode", 20).code_of("salespeoplePurchasers").also(&[
            "salesperson",
            "sales person",
            "sales rep",
        ]),
        Field::new("balanceDue", Kind::Decimal(5)).read_only(),
        Field::new("creditLimit", Kind::Decimal(5)).also(&["credit limit lcy", "credit"]),
        customers::TAX_LIABLE,
        customers::TAX_AREA_ID,
        customers::TAX_AREA_DISPLAY_NAME,
        customers::TAX_REGISTRATION_NUMBER,
        customers::CURRENCY_ID,
        customers::CURRENCY_CODE,
        customers::PAYMENT_TERMS_ID,
        customers::SHIPMENT_METHOD_ID,
        customers::PAYMENT_METHOD_ID,
        customers::BLOCKED,
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
        financial_details::NUMBER,
        financial_details::BALANCE,
        financial_details::TOTAL_SALES_EXCLUDING_TAX,
        financial_details::OVERDUE_AMOUNT,
        Field::modified(),
    ],
    navigations: &[],
};

/// Payment journals: batches of payment lines that wait to be posted.
pub static CUSTOMER_PAYMENT_JOURNALS: Entity = Entity {
    set: "customerPaymentJournals",
    fields: &[
        Field::id(),
        journals::CODE,
        journals::DISPLAY_NAME,
        Field::modified(),
        journals::BALANCING_ACCOUNT_ID,
        journals::BALANCING_ACCOUNT_NUMBER,
    ],
    navigations: &[Navigation { name: "customerPayments", set: "customerPayments", many: true }],
};

/// Payments: lines of a payment journal. The server posts nothing when one is created.
pub static CUSTOMER_PAYMENTS: Entity = Entity {
    set: "customerPayments",
    fields: &[
        Field::id(),
        Field::new("journalId", Kind::Guid).create_only().id_of("customerPaymentJournals"),
        payments::JOURNAL_DISPLAY_NAME,
        payments::LINE_NUMBER,
        payments::CUSTOMER_ID,
        payments::CUSTOMER_NUMBER,
        payments::POSTING_DATE,
        payments::DOCUMENT_NUMBER,
        payments::EXTERNAL_DOCUMENT_NUMBER,
        payments::AMOUNT,
        payments::APPLIES_TO_INVOICE_ID,
        payments::APPLIES_TO_INVOICE_NUMBER,
        payments::DESCRIPTION,
        payments::COMMENT,
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
        Field::new("parentType", Kind::Enum(PARENT_TYPES)).read_only(),
        default_dimensions::CUSTOMER_NUMBER,
        default_dimensions::PARENT_ID,
        default_dimensions::DIMENSION_ID,
        default_dimensions::DIMENSION_CODE,
        default_dimensions::DIMENSION_VALUE_ID,
        default_dimensions::DIMENSION_VALUE_CODE,
        default_dimensions::POSTING_VALIDATION,
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
