//! The entities of API v1.0, as data: what differs from v2.0; what does not is taken from there.
//!
//! Source: the API v1.0 pages of the Base Application, version 29, and the API v1.0 reference: nested addresses,
//! options as text, financial details as a list, dimensions of a payment as an array, default dimensions by a key of
//! two parts. `journals` are those of the general template. That `accounts`, `journals` and `generalLedgerEntries` are
//! served here and in beta with the properties v2.0 has of them is our reading.

use super::super::model::{EntityType, Kind, ListedType, Writable};
use super::build::{code, many, nested, one, plain, text, unlimited};
use super::enums::{
    CONTACT_TYPE, COUNTRY_REGION_ADDRESS_FORMAT, CUSTOMER_BLOCKED, DEFAULT_DIMENSION_VALUE_POSTING_TYPE,
    GEN_JOURNAL_DOCUMENT_TYPE, INVOICE_ENTITY_AGGREGATE_STATUS, TAX_BUFFER_TYPE,
};
use super::{references, v2};
use Kind::{Boolean, Choice, Date, DateTime, Decimal, Guid, Int32, List};
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
    &ACCOUNTS,
    &GENERAL_LEDGER_ENTRIES,
    &PICTURE,
];

/// The set `companies`.
pub(super) static COMPANIES: EntityType = EntityType {
    name: "company",
    set: "companies",
    properties: &[
        plain("id", Guid, None),
        unlimited("systemVersion", None),
        text("name", 30, None),
        text("displayName", 250, None),
        text("businessProfileId", 250, None),
    ],
    order: &["name"],
    ..EntityType::PLAIN
};

/// The set `customers`.
static CUSTOMERS: EntityType = EntityType {
    name: "customer",
    set: "customers",
    table: "v1_customers",
    complexes: &[nested(
        "address",
        "postalAddressType",
        &["street", "city", "countryLetterCode", "postalCode"],
    )],
    properties: &[
        plain("id", Guid, None),
        code("number", 20, Update),
        text("displayName", 100, Update),
        plain("type", Choice(&CONTACT_TYPE), Update),
        unlimited("address/street", Update),
        text("address/city", 30, Update),
        text("address/state", 30, Update),
        code("address/countryLetterCode", 10, Update),
        code("address/postalCode", 20, Update),
        text("phoneNumber", 30, Update),
        text("email", 80, Update),
        text("website", 255, Update),
        plain("taxLiable", Boolean, Update),
        plain("taxAreaId", Guid, Update),
        unlimited("taxAreaDisplayName", None),
        text("taxRegistrationNumber", 20, Update),
        plain("currencyId", Guid, Update),
        text("currencyCode", 10, Update).cut(),
        plain("paymentTermsId", Guid, Update),
        plain("shipmentMethodId", Guid, Update),
        plain("paymentMethodId", Guid, Update),
        plain("blocked", Choice(&CUSTOMER_BLOCKED), Update),
        plain("lastModifiedDateTime", DateTime, None),
    ],
    navigations: &[
        one("currency", &CURRENCIES),
        one("paymentTerm", &PAYMENT_TERMS),
        one("shipmentMethod", &SHIPMENT_METHODS),
        one("paymentMethod", &PAYMENT_METHODS),
        many("customerFinancialDetails", &CUSTOMER_FINANCIAL_DETAILS),
        many("picture", &PICTURE),
        many("defaultDimensions", &DEFAULT_DIMENSIONS),
    ],
    order: &["number"],
    ..EntityType::PLAIN
};

/// The set `customerFinancialDetails`.
static CUSTOMER_FINANCIAL_DETAILS: EntityType = EntityType {
    name: "customerFinancialDetail",
    set: "customerFinancialDetails",
    properties: &[
        plain("id", Guid, None),
        code("number", 20, None),
        plain("balance", Decimal, None),
        plain("totalSalesExcludingTax", Decimal, None),
        plain("overdueAmount", Decimal, None),
    ],
    order: &["number"],
    ..EntityType::PLAIN
};

/// The set `customerPaymentJournals`, which the pages of the reference spell in two ways.
static CUSTOMER_PAYMENT_JOURNALS: EntityType = EntityType {
    name: "customerPaymentJournal",
    set: "customerPaymentJournals",
    alias: Some("customerPaymentsJournals"),
    properties: v2::CUSTOMER_PAYMENT_JOURNALS.properties,
    navigations: &[many("customerPayments", &CUSTOMER_PAYMENTS), one("account", &ACCOUNTS)],
    order: &["code"],
    ..EntityType::PLAIN
};

/// The objects in `dimensions` of a payment.
pub(super) static DIMENSION_TYPE: ListedType = ListedType {
    name: "dimensionType",
    members: &[("code", true), ("displayName", false), ("valueCode", true), ("valueDisplayName", false)],
};

/// The set `customerPayments`. Sending `journalDisplayName` is refused by a rule, not by its being read-only.
static CUSTOMER_PAYMENTS: EntityType = EntityType {
    name: "customerPayment",
    set: "customerPayments",
    table: "v1_customerPayments",
    properties: &[
        plain("id", Guid, None),
        plain("journalId", Guid, None).hidden(),
        code("journalDisplayName", 10, Update),
        plain("lineNumber", Int32, Update),
        plain("customerId", Guid, Update),
        code("customerNumber", 20, Update),
        text("contactId", 250, Update),
        plain("postingDate", Date, Update),
        code("documentNumber", 20, Update),
        code("externalDocumentNumber", 35, Update),
        plain("amount", Decimal, Update),
        plain("appliesToInvoiceId", Guid, Update),
        code("appliesToInvoiceNumber", 20, Update),
        text("description", 100, Update),
        text("comment", 250, Update),
        plain("dimensions", List(&DIMENSION_TYPE), Update),
        plain("lastModifiedDateTime", DateTime, None),
    ],
    navigations: &[one("customer", &CUSTOMERS)],
    order: &["journalDisplayName", "lineNumber"],
    ..EntityType::PLAIN
};

/// The set `journals`.
pub(super) static JOURNALS: EntityType = EntityType {
    name: "journal",
    set: "journals",
    table: "v1_journals",
    properties: v2::CUSTOMER_PAYMENT_JOURNALS.properties,
    order: &["code"],
    ..EntityType::PLAIN
};

/// The set `currencies`.
pub(super) static CURRENCIES: EntityType = EntityType {
    name: "currency",
    set: "currencies",
    properties: references::CURRENCIES.properties,
    order: &["code"],
    ..EntityType::PLAIN
};

/// The set `paymentTerms`.
pub(super) static PAYMENT_TERMS: EntityType = EntityType {
    name: "paymentTerm",
    set: "paymentTerms",
    properties: references::PAYMENT_TERMS.properties,
    order: &["code"],
    ..EntityType::PLAIN
};

/// The set `paymentMethods`.
pub(super) static PAYMENT_METHODS: EntityType = EntityType {
    name: "paymentMethod",
    set: "paymentMethods",
    properties: references::PAYMENT_METHODS.properties,
    order: &["code"],
    ..EntityType::PLAIN
};

/// The set `shipmentMethods`.
pub(super) static SHIPMENT_METHODS: EntityType = EntityType {
    name: "shipmentMethod",
    set: "shipmentMethods",
    properties: references::SHIPMENT_METHODS.properties,
    order: &["code"],
    ..EntityType::PLAIN
};

/// The set `taxAreas`.
static TAX_AREAS: EntityType = EntityType {
    name: "taxArea",
    set: "taxAreas",
    properties: &[
        plain("id", Guid, None),
        code("code", 20, Update),
        text("displayName", 100, Update),
        plain("taxType", Choice(&TAX_BUFFER_TYPE), None),
        plain("lastModifiedDateTime", DateTime, None),
    ],
    order: &["code"],
    ..EntityType::PLAIN
};

/// The set `countriesRegions`.
pub(super) static COUNTRIES_REGIONS: EntityType = EntityType {
    name: "countryRegion",
    set: "countriesRegions",
    properties: &[
        plain("id", Guid, None),
        code("code", 10, Update),
        text("displayName", 50, Update),
        plain("addressFormat", Choice(&COUNTRY_REGION_ADDRESS_FORMAT), Update),
        plain("lastModifiedDateTime", DateTime, None),
    ],
    order: &["code"],
    ..EntityType::PLAIN
};

/// The set `dimensions`.
pub(super) static DIMENSIONS: EntityType = EntityType {
    name: "dimension",
    set: "dimensions",
    properties: &[
        plain("id", Guid, None),
        code("code", 20, None),
        text("displayName", 30, None),
        plain("lastModifiedDateTime", DateTime, None),
    ],
    navigations: &[many("dimensionValues", &DIMENSION_VALUES)],
    order: &["code"],
    ..EntityType::PLAIN
};

/// The set `dimensionValues`, which do not say to which dimension they belong.
pub(super) static DIMENSION_VALUES: EntityType = EntityType {
    name: "dimensionValue",
    set: "dimensionValues",
    properties: &[
        plain("id", Guid, None),
        plain("dimensionId", Guid, None).hidden(),
        code("code", 20, None),
        text("displayName", 50, None),
        plain("lastModifiedDateTime", DateTime, None),
    ],
    order: &["dimensionId", "code"],
    ..EntityType::PLAIN
};

/// The set `defaultDimensions`.
pub(super) static DEFAULT_DIMENSIONS: EntityType = EntityType {
    name: "defaultDimension",
    set: "defaultDimensions",
    key: &["parentId", "dimensionId"],
    properties: &[
        plain("id", Guid, None).hidden(),
        plain("parentId", Guid, Create),
        plain("dimensionId", Guid, Create),
        code("dimensionCode", 20, None),
        plain("dimensionValueId", Guid, Update),
        code("dimensionValueCode", 20, None),
        plain("postingValidation", Choice(&DEFAULT_DIMENSION_VALUE_POSTING_TYPE), Update),
    ],
    navigations: &[one("dimension", &DIMENSIONS), one("dimensionValue", &DIMENSION_VALUES)],
    order: &["parentId", "dimensionCode"],
    ..EntityType::PLAIN
};

/// The set `salesInvoices`.
static SALES_INVOICES: EntityType = EntityType {
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
        plain("status", Choice(&INVOICE_ENTITY_AGGREGATE_STATUS), None),
        plain("lastModifiedDateTime", DateTime, None),
    ],
    order: &["number"],
    ..EntityType::PLAIN
};

/// The set `accounts`.
pub(super) static ACCOUNTS: EntityType = EntityType {
    name: "account",
    set: "accounts",
    properties: references::ACCOUNTS.properties,
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
        plain("documentType", Choice(&GEN_JOURNAL_DOCUMENT_TYPE), None),
        text("description", 100, None),
        plain("debitAmount", Decimal, None),
        plain("creditAmount", Decimal, None),
    ],
    order: &["entryNumber"],
    ..EntityType::PLAIN
};

/// The set `picture`.
pub(super) static PICTURE: EntityType = EntityType {
    name: "picture",
    set: "picture",
    table: "pictures",
    properties: &[
        plain("id", Guid, None),
        plain("width", Int32, None),
        plain("height", Int32, None),
        text("contentType", 100, None),
    ],
    ..EntityType::PLAIN
};
