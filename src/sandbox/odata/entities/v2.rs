//! The entities of API v2.0, as data: one line per property.
//!
//! Source: the API v2.0 pages of the Base Application, version 29 (names, lengths, enum ordinals and captions,
//! which controls are editable), and the API reference for the entities that only serve as references, which are in
//! [`references`](super::references).

use super::super::model::{EntityType, Kind, Writable};
use super::build::{code, many, one, plain, text, unlimited};
use super::enums::{
    CONTACT_TYPE, CUSTOMER_BLOCKED, DEFAULT_DIMENSION_PARENT_TYPE, DEFAULT_DIMENSION_VALUE_POSTING_TYPE,
    GEN_JOURNAL_DOCUMENT_TYPE, INVOICE_ENTITY_AGGREGATE_STATUS, PICTURE_ENTITY_PARENT_TYPE,
};
use super::references::{
    ACCOUNTS, COUNTRIES_REGIONS, CURRENCIES, DIMENSION_VALUES, DIMENSIONS, PAYMENT_METHODS, PAYMENT_TERMS,
    SALESPEOPLE_PURCHASERS, SHIPMENT_METHODS, TAX_AREAS,
};
use Kind::{Boolean, Date, DateTime, Decimal, Enum, Guid, Int32, Int64};
use Writable::{Create, None, Update};

/// Every entity set, in the order of the service document.
pub(crate) static ENTITIES: &[&EntityType] = &[
    &COMPANIES,
    &CUSTOMERS,
    &CUSTOMER_FINANCIAL_DETAILS,
    &CUSTOMER_PAYMENT_JOURNALS,
    &CUSTOMER_PAYMENTS,
    &JOURNALS,
    &CURRENCIES,
    &PAYMENT_TERMS,
    &PAYMENT_METHODS,
    &SHIPMENT_METHODS,
    &TAX_AREAS,
    &COUNTRIES_REGIONS,
    &DIMENSIONS,
    &DIMENSION_VALUES,
    &DEFAULT_DIMENSIONS,
    &SALES_INVOICES,
    &SALESPEOPLE_PURCHASERS,
    &ACCOUNTS,
    &GENERAL_LEDGER_ENTRIES,
    &PICTURES,
];

/// The set `companies`.
pub(super) static COMPANIES: EntityType = EntityType {
    name: "company",
    set: "companies",
    properties: &[
        plain("id", Guid, None),
        unlimited("systemVersion", None),
        plain("timestamp", Int64, None),
        text("name", 30, None),
        text("displayName", 250, None),
        text("businessProfileId", 250, None),
        plain("systemCreatedAt", DateTime, None),
        plain("systemCreatedBy", Guid, None),
        plain("systemModifiedAt", DateTime, None),
        plain("systemModifiedBy", Guid, None),
    ],
    navigations: &[],
    order: &["name"],
    ..EntityType::PLAIN
};

/// The set `customers`.
pub(super) static CUSTOMERS: EntityType = EntityType {
    name: "customer",
    set: "customers",
    properties: &[
        plain("id", Guid, None),
        code("number", 20, Update),
        text("displayName", 100, Update),
        plain("type", Enum(&CONTACT_TYPE), Update),
        text("addressLine1", 100, Update),
        text("addressLine2", 50, Update),
        text("city", 30, Update),
        text("state", 30, Update),
        code("country", 10, Update),
        code("postalCode", 20, Update),
        text("phoneNumber", 30, Update),
        text("email", 80, Update),
        text("website", 255, Update),
        code("salespersonCode", 20, Update),
        plain("balanceDue", Decimal, None),
        plain("creditLimit", Decimal, Update),
        plain("taxLiable", Boolean, Update),
        plain("taxAreaId", Guid, Update),
        unlimited("taxAreaDisplayName", None),
        text("taxRegistrationNumber", 20, Update),
        plain("currencyId", Guid, Update),
        text("currencyCode", 10, Update).cut(),
        plain("paymentTermsId", Guid, Update),
        plain("shipmentMethodId", Guid, Update),
        plain("paymentMethodId", Guid, Update),
        plain("blocked", Enum(&CUSTOMER_BLOCKED), Update),
        plain("balance", Decimal, None).seed_only(),
        plain("overdueAmount", Decimal, None).seed_only(),
        plain("totalSalesExcludingTax", Decimal, None).seed_only(),
        plain("lastModifiedDateTime", DateTime, None),
    ],
    navigations: &[
        one("currency", &CURRENCIES),
        one("paymentTerm", &PAYMENT_TERMS),
        one("shipmentMethod", &SHIPMENT_METHODS),
        one("paymentMethod", &PAYMENT_METHODS),
        one("customerFinancialDetail", &CUSTOMER_FINANCIAL_DETAILS),
        one("customerFinancialDetails", &CUSTOMER_FINANCIAL_DETAILS).seed_only(),
        one("picture", &PICTURES),
        many("defaultDimensions", &DEFAULT_DIMENSIONS),
    ],
    order: &["number"],
    ..EntityType::PLAIN
};

/// The set `customerFinancialDetails`.
pub(super) static CUSTOMER_FINANCIAL_DETAILS: EntityType = EntityType {
    name: "customerFinancialDetail",
    set: "customerFinancialDetails",
    properties: &[
        plain("id", Guid, None),
        code("number", 20, None),
        plain("balance", Decimal, None),
        plain("totalSalesExcludingTax", Decimal, None),
        plain("overdueAmount", Decimal, None),
        plain("lastModifiedDateTime", DateTime, None),
    ],
    navigations: &[one("customer", &CUSTOMERS)],
    order: &["number"],
    ..EntityType::PLAIN
};

/// The set `customerPaymentJournals`.
pub(super) static CUSTOMER_PAYMENT_JOURNALS: EntityType = EntityType {
    name: "customerPaymentJournal",
    set: "customerPaymentJournals",
    properties: &[
        plain("id", Guid, None),
        code("code", 10, Update),
        text("displayName", 100, Update),
        plain("lastModifiedDateTime", DateTime, None),
        plain("balancingAccountId", Guid, Update),
        code("balancingAccountNumber", 20, None),
    ],
    navigations: &[many("customerPayments", &CUSTOMER_PAYMENTS)],
    order: &["code"],
    ..EntityType::PLAIN
};

/// The set `customerPayments`.
pub(super) static CUSTOMER_PAYMENTS: EntityType = EntityType {
    name: "customerPayment",
    set: "customerPayments",
    properties: &[
        plain("id", Guid, None),
        plain("journalId", Guid, Create),
        code("journalDisplayName", 10, Create),
        plain("lineNumber", Int32, Update),
        plain("customerId", Guid, Update),
        code("customerNumber", 20, Update),
        plain("postingDate", Date, Update),
        code("documentNumber", 20, Update),
        code("externalDocumentNumber", 35, Update),
        plain("amount", Decimal, Update),
        plain("appliesToInvoiceId", Guid, Update),
        code("appliesToInvoiceNumber", 20, Update),
        text("description", 100, Update),
        text("comment", 250, Update),
        plain("lastModifiedDateTime", DateTime, None),
    ],
    navigations: &[one("customerPaymentJournal", &CUSTOMER_PAYMENT_JOURNALS), one("customer", &CUSTOMERS)],
    order: &["journalDisplayName", "lineNumber"],
    ..EntityType::PLAIN
};

/// The set `journals`.
pub(super) static JOURNALS: EntityType = EntityType {
    name: "journal",
    set: "journals",
    properties: &[
        plain("id", Guid, None),
        code("code", 10, Update),
        text("displayName", 100, Update),
        code("templateDisplayName", 10, Create),
        plain("lastModifiedDateTime", DateTime, None),
        plain("balancingAccountId", Guid, Update),
        code("balancingAccountNumber", 20, None),
    ],
    navigations: &[],
    order: &["code"],
    ..EntityType::PLAIN
};

/// The set `defaultDimensions`.
pub(super) static DEFAULT_DIMENSIONS: EntityType = EntityType {
    name: "defaultDimension",
    set: "defaultDimensions",
    properties: &[
        plain("id", Guid, None),
        plain("parentType", Enum(&DEFAULT_DIMENSION_PARENT_TYPE), Update),
        plain("parentId", Guid, Update),
        plain("dimensionId", Guid, Update),
        code("dimensionCode", 20, None),
        plain("dimensionValueId", Guid, Update),
        code("dimensionValueCode", 20, None),
        plain("postingValidation", Enum(&DEFAULT_DIMENSION_VALUE_POSTING_TYPE), Update),
        plain("lastModifiedDateTime", DateTime, None),
    ],
    navigations: &[
        one("dimension", &DIMENSIONS),
        one("dimensionValue", &DIMENSION_VALUES),
        one("customer", &CUSTOMERS),
    ],
    order: &["parentId", "dimensionCode"],
    ..EntityType::PLAIN
};

/// The set `salesInvoices`.
pub(super) static SALES_INVOICES: EntityType = EntityType {
    name: "salesInvoice",
    set: "salesInvoices",
    properties: &[
        plain("id", Guid, None),
        code("number", 20, None),
        code("externalDocumentNumber", 35, None),
        plain("postingDate", Date, None),
        plain("dueDate", Date, None),
        plain("customerId", Guid, None),
        code("customerNumber", 20, None),
        plain("billToCustomerId", Guid, None),
        code("billToCustomerNumber", 20, None),
        plain("currencyId", Guid, None),
        text("currencyCode", 10, None),
        plain("remainingAmount", Decimal, None),
        plain("totalAmountIncludingTax", Decimal, None),
        plain("status", Enum(&INVOICE_ENTITY_AGGREGATE_STATUS), None),
        plain("lastModifiedDateTime", DateTime, None),
    ],
    navigations: &[],
    order: &["number"],
    ..EntityType::PLAIN
};

/// The set `generalLedgerEntries`: the side of each posting that falls on the customer.
pub(super) static GENERAL_LEDGER_ENTRIES: EntityType = EntityType {
    name: "generalLedgerEntry",
    set: "generalLedgerEntries",
    properties: &[
        plain("id", Guid, None),
        plain("entryNumber", Int32, None),
        plain("postingDate", Date, None),
        code("documentNumber", 20, None),
        plain("documentType", Enum(&GEN_JOURNAL_DOCUMENT_TYPE), None),
        text("description", 100, None),
        plain("debitAmount", Decimal, None),
        plain("creditAmount", Decimal, None),
    ],
    navigations: &[],
    order: &["entryNumber"],
    ..EntityType::PLAIN
};

/// The set `pictures`.
pub(super) static PICTURES: EntityType = EntityType {
    name: "picture",
    set: "pictures",
    properties: &[
        plain("id", Guid, None),
        plain("parentType", Enum(&PICTURE_ENTITY_PARENT_TYPE), None),
        plain("width", Int32, None),
        plain("height", Int32, None),
        text("contentType", 100, None),
    ],
    navigations: &[],
    order: &[],
    ..EntityType::PLAIN
};
