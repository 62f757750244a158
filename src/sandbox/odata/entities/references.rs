//! The entities of API v2.0 that customers and payments refer to, as data: one line per property.
//!
//! Source: the API v2.0 reference, and lengths from the Base Application, version 29.

use super::super::model::{EntityType, Kind, Writable};
use super::build::{code, many, one, plain, text, unlimited};
use super::enums::{COUNTRY_REGION_ADDRESS_FORMAT, TAX_BUFFER_TYPE};
use Kind::{Boolean, DateTime, Decimal, Enum, Guid};
use Writable::{None, Update};

/// The set `currencies`.
pub(super) static CURRENCIES: EntityType = EntityType {
    name: "currency",
    set: "currencies",
    properties: &[
        plain("id", Guid, None),
        code("code", 10, Update),
        text("displayName", 30, Update),
        text("symbol", 10, Update),
        text("amountDecimalPlaces", 5, Update),
        plain("amountRoundingPrecision", Decimal, Update),
        plain("lastModifiedDateTime", DateTime, None),
    ],
    navigations: &[],
    order: &["code"],
    ..EntityType::PLAIN
};

/// The set `paymentTerms`.
pub(super) static PAYMENT_TERMS: EntityType = EntityType {
    name: "paymentTerm",
    set: "paymentTerms",
    properties: &[
        plain("id", Guid, None),
        code("code", 10, Update),
        text("displayName", 100, Update),
        unlimited("dueDateCalculation", Update),
        unlimited("discountDateCalculation", Update),
        plain("discountPercent", Decimal, Update),
        plain("calculateDiscountOnCreditMemos", Boolean, Update),
        plain("lastModifiedDateTime", DateTime, None),
    ],
    navigations: &[],
    order: &["code"],
    ..EntityType::PLAIN
};

/// The set `paymentMethods`.
pub(super) static PAYMENT_METHODS: EntityType = EntityType {
    name: "paymentMethod",
    set: "paymentMethods",
    properties: &[
        plain("id", Guid, None),
        code("code", 10, Update),
        text("displayName", 100, Update),
        plain("lastModifiedDateTime", DateTime, None),
    ],
    navigations: &[],
    order: &["code"],
    ..EntityType::PLAIN
};

/// The set `shipmentMethods`.
pub(super) static SHIPMENT_METHODS: EntityType = EntityType {
    name: "shipmentMethod",
    set: "shipmentMethods",
    properties: &[
        plain("id", Guid, None),
        code("code", 10, Update),
        text("displayName", 100, Update),
        plain("lastModifiedDateTime", DateTime, None),
    ],
    navigations: &[],
    order: &["code"],
    ..EntityType::PLAIN
};

/// The set `taxAreas`.
pub(super) static TAX_AREAS: EntityType = EntityType {
    name: "taxArea",
    set: "taxAreas",
    properties: &[
        plain("id", Guid, None),
        code("code", 20, Update),
        text("displayName", 100, Update),
        plain("taxType", Enum(&TAX_BUFFER_TYPE), None),
        plain("lastModifiedDateTime", DateTime, None),
    ],
    navigations: &[],
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
        plain("addressFormat", Enum(&COUNTRY_REGION_ADDRESS_FORMAT), Update),
        plain("lastModifiedDateTime", DateTime, None),
    ],
    navigations: &[],
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
        code("consolidationCode", 20, None),
        plain("lastModifiedDateTime", DateTime, None),
    ],
    navigations: &[many("dimensionValues", &DIMENSION_VALUES)],
    order: &["code"],
    ..EntityType::PLAIN
};

/// The set `dimensionValues`.
pub(super) static DIMENSION_VALUES: EntityType = EntityType {
    name: "dimensionValue",
    set: "dimensionValues",
    properties: &[
        plain("id", Guid, None),
        code("code", 20, None),
        plain("dimensionId", Guid, None),
        text("displayName", 50, None),
        code("consolidationCode", 20, None),
        plain("lastModifiedDateTime", DateTime, None),
    ],
    navigations: &[one("dimension", &DIMENSIONS)],
    order: &["dimensionId", "code"],
    ..EntityType::PLAIN
};

/// The set `salespeoplePurchasers`.
pub(super) static SALESPEOPLE_PURCHASERS: EntityType = EntityType {
    name: "salespersonPurchaser",
    set: "salespeoplePurchasers",
    properties: &[
        plain("id", Guid, None),
        code("code", 20, Update),
        text("displayName", 50, Update),
        text("email", 80, Update),
        plain("lastModifiedDateTime", DateTime, None),
    ],
    navigations: &[],
    order: &["code"],
    ..EntityType::PLAIN
};

/// The set `accounts`.
pub(super) static ACCOUNTS: EntityType = EntityType {
    name: "account",
    set: "accounts",
    properties: &[
        plain("id", Guid, None),
        code("number", 20, None),
        text("displayName", 100, None),
        plain("lastModifiedDateTime", DateTime, None),
    ],
    navigations: &[],
    order: &["number"],
    ..EntityType::PLAIN
};
