//! The entities of API beta, as data: what differs from v1.0; what does not is taken from there.
//!
//! Source: the beta pages that shipped until the API was withdrawn, and its reference of 2018: balances on the
//! customer instead of financial details, shorter texts, invoices without what is left to pay. The nested payment
//! terms, payment method and shipment method are in the reference of 2018 only, so strict behaviour has none.

use super::super::model::{EntityType, Kind, Writable};
use super::build::{code, many, nested, one, plain, text, unlimited};
use super::enums::{CONTACT_TYPE, CUSTOMER_BLOCKED, INVOICE_ENTITY_AGGREGATE_STATUS};
use super::v1;
use Kind::{Boolean, Choice, Date, DateTime, Decimal, Guid, Int32, List};
use Writable::{None, Update};

/// Every entity set, in the order of the service document.
pub(crate) static ENTITIES: &[&EntityType] = &[
    &v1::COMPANIES,
    &CUSTOMERS,
    &CUSTOMER_PAYMENT_JOURNALS,
    &CUSTOMER_PAYMENTS,
    &v1::JOURNALS,
    &v1::CURRENCIES,
    &v1::PAYMENT_TERMS,
    &v1::PAYMENT_METHODS,
    &v1::SHIPMENT_METHODS,
    &TAX_AREAS,
    &v1::COUNTRIES_REGIONS,
    &v1::DIMENSIONS,
    &v1::DIMENSION_VALUES,
    &v1::DEFAULT_DIMENSIONS,
    &SALES_INVOICES,
    &v1::ACCOUNTS,
    &v1::GENERAL_LEDGER_ENTRIES,
    &v1::PICTURE,
];

/// The set `customers`.
static CUSTOMERS: EntityType = EntityType {
    name: "customer",
    set: "customers",
    table: "beta_customers",
    complexes: &[
        nested("address", "postalAddressType", &["street", "city", "countryLetterCode", "postalCode"]),
        nested("paymentTerms", "paymentTermsType", &[]),
        nested("shipmentMethod", "shipmentMethodType", &[]),
        nested("paymentMethod", "paymentMethodType", &[]),
    ],
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
        text("website", 80, Update),
        plain("taxLiable", Boolean, Update),
        plain("taxAreaId", Guid, Update),
        unlimited("taxAreaDisplayName", None),
        text("taxRegistrationNumber", 20, Update),
        plain("currencyId", Guid, Update),
        text("currencyCode", 10, Update).cut(),
        plain("paymentTermsId", Guid, Update),
        code("paymentTerms/code", 10, Update).seed_only(),
        text("paymentTerms/description", 100, None).seed_only(),
        plain("shipmentMethodId", Guid, Update),
        code("shipmentMethod/code", 10, Update).seed_only(),
        text("shipmentMethod/description", 100, None).seed_only(),
        plain("paymentMethodId", Guid, Update),
        code("paymentMethod/code", 10, Update).seed_only(),
        text("paymentMethod/description", 100, None).seed_only(),
        plain("blocked", Choice(&CUSTOMER_BLOCKED), Update),
        plain("balance", Decimal, None),
        plain("overdueAmount", Decimal, None),
        plain("totalSalesExcludingTax", Decimal, None),
        plain("lastModifiedDateTime", DateTime, None),
    ],
    // In seed behaviour the objects have the names that the ways to shipment and payment method have, and win.
    navigations: &[
        one("currency", &v1::CURRENCIES),
        one("paymentTerm", &v1::PAYMENT_TERMS),
        one("shipmentMethod", &v1::SHIPMENT_METHODS).strict_only(),
        one("paymentMethod", &v1::PAYMENT_METHODS).strict_only(),
        many("picture", &v1::PICTURE),
        many("defaultDimensions", &v1::DEFAULT_DIMENSIONS),
    ],
    order: &["number"],
    ..EntityType::PLAIN
};

/// The set `customerPaymentJournals`, which the reference of 2018 spells in another way.
static CUSTOMER_PAYMENT_JOURNALS: EntityType = EntityType {
    name: "customerPaymentJournal",
    set: "customerPaymentJournals",
    alias: Some("customerPaymentsJournals"),
    properties: &[
        plain("id", Guid, None),
        code("code", 10, Update),
        text("displayName", 50, Update),
        plain("lastModifiedDateTime", DateTime, None),
        plain("balancingAccountId", Guid, Update),
        code("balancingAccountNumber", 20, None),
    ],
    navigations: &[many("customerPayments", &CUSTOMER_PAYMENTS)],
    order: &["code"],
    ..EntityType::PLAIN
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
        code("externalDocumentNumber", 20, Update),
        plain("amount", Decimal, Update),
        plain("appliesToInvoiceId", Guid, Update),
        code("appliesToInvoiceNumber", 20, Update),
        text("description", 50, Update),
        text("comment", 250, Update),
        plain("dimensions", List(&v1::DIMENSION_TYPE), Update),
        plain("lastModifiedDateTime", DateTime, None),
    ],
    order: &["journalDisplayName", "lineNumber"],
    ..EntityType::PLAIN
};

/// The set `taxAreas`.
static TAX_AREAS: EntityType = EntityType {
    name: "taxArea",
    set: "taxAreas",
    properties: &[
        plain("id", Guid, None),
        code("code", 20, Update),
        text("displayName", 50, Update),
        plain("lastModifiedDateTime", DateTime, None),
    ],
    order: &["code"],
    ..EntityType::PLAIN
};

/// The set `salesInvoices`.
static SALES_INVOICES: EntityType = EntityType {
    name: "salesInvoice",
    set: "salesInvoices",
    properties: &[
        plain("id", Guid, None),
        code("number", 20, None),
        plain("dueDate", Date, None),
        plain("customerId", Guid, None),
        code("customerNumber", 20, None),
        text("currencyCode", 10, None),
        plain("totalAmountIncludingTax", Decimal, None),
        plain("status", Choice(&INVOICE_ENTITY_AGGREGATE_STATUS), None),
        plain("lastModifiedDateTime", DateTime, None),
    ],
    order: &["number"],
    ..EntityType::PLAIN
};
