//! The entities of API v2.0, as data: one line per property.
//!
//! Source: the API v2.0 pages of the Base Application, version 29 (names, lengths, enum ordinals and captions,
//! which controls are editable), and the API reference for the entities that only serve as references.

use super::model::{EntityType, EnumType, Kind, Navigation, Property, Writable};
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
static COMPANIES: EntityType = EntityType {
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
};

/// The set `customers`.
static CUSTOMERS: EntityType = EntityType {
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
        one("currency", "currencies"),
        one("paymentTerm", "paymentTerms"),
        one("shipmentMethod", "shipmentMethods"),
        one("paymentMethod", "paymentMethods"),
        one("customerFinancialDetail", "customerFinancialDetails"),
        one("customerFinancialDetails", "customerFinancialDetails").seed_only(),
        one("picture", "pictures"),
        many("defaultDimensions", "defaultDimensions"),
    ],
    order: &["number"],
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
        plain("lastModifiedDateTime", DateTime, None),
    ],
    navigations: &[one("customer", "customers")],
    order: &["number"],
};

/// The set `customerPaymentJournals`.
static CUSTOMER_PAYMENT_JOURNALS: EntityType = EntityType {
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
    navigations: &[many("customerPayments", "customerPayments")],
    order: &["code"],
};

/// The set `customerPayments`.
static CUSTOMER_PAYMENTS: EntityType = EntityType {
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
    navigations: &[one("customerPaymentJournal", "customerPaymentJournals"), one("customer", "customers")],
    order: &["journalDisplayName", "lineNumber"],
};

/// The set `journals`.
static JOURNALS: EntityType = EntityType {
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
};

/// The set `currencies`.
static CURRENCIES: EntityType = EntityType {
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
};

/// The set `paymentTerms`.
static PAYMENT_TERMS: EntityType = EntityType {
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
};

/// The set `paymentMethods`.
static PAYMENT_METHODS: EntityType = EntityType {
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
};

/// The set `shipmentMethods`.
static SHIPMENT_METHODS: EntityType = EntityType {
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
};

/// The set `taxAreas`.
static TAX_AREAS: EntityType = EntityType {
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
};

/// The set `countriesRegions`.
static COUNTRIES_REGIONS: EntityType = EntityType {
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
};

/// The set `dimensions`.
static DIMENSIONS: EntityType = EntityType {
    name: "dimension",
    set: "dimensions",
    properties: &[
        plain("id", Guid, None),
        code("code", 20, None),
        text("displayName", 30, None),
        code("consolidationCode", 20, None),
        plain("lastModifiedDateTime", DateTime, None),
    ],
    navigations: &[many("dimensionValues", "dimensionValues")],
    order: &["code"],
};

/// The set `dimensionValues`.
static DIMENSION_VALUES: EntityType = EntityType {
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
    navigations: &[one("dimension", "dimensions")],
    order: &["dimensionId", "code"],
};

/// The set `defaultDimensions`.
static DEFAULT_DIMENSIONS: EntityType = EntityType {
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
        one("dimension", "dimensions"),
        one("dimensionValue", "dimensionValues"),
        one("customer", "customers"),
    ],
    order: &["parentId", "dimensionCode"],
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
        plain("status", Enum(&INVOICE_ENTITY_AGGREGATE_STATUS), None),
        plain("lastModifiedDateTime", DateTime, None),
    ],
    navigations: &[],
    order: &["number"],
};

/// The set `salespeoplePurchasers`.
static SALESPEOPLE_PURCHASERS: EntityType = EntityType {
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
};

/// The set `accounts`.
static ACCOUNTS: EntityType = EntityType {
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
};

/// The set `generalLedgerEntries`: the side of each posting that falls on the customer.
static GENERAL_LEDGER_ENTRIES: EntityType = EntityType {
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
};

/// The set `pictures`.
static PICTURES: EntityType = EntityType {
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
};

/// The values of `contactType`.
static CONTACT_TYPE: EnumType =
    EnumType { name: "contactType", members: &[(0, "Company", "Company"), (1, "Person", "Person")] };

/// The values of `customerBlocked`.
static CUSTOMER_BLOCKED: EnumType = EnumType {
    name: "customerBlocked",
    members: &[(0, "_x0020_", " "), (1, "Ship", "Ship"), (2, "Invoice", "Invoice"), (3, "All", "All")],
};

/// The values of `defaultDimensionParentType`.
static DEFAULT_DIMENSION_PARENT_TYPE: EnumType = EnumType {
    name: "defaultDimensionParentType",
    members: &[
        (0, "_x0020_", " "),
        (1, "Customer", "Customer"),
        (2, "Item", "Item"),
        (3, "Vendor", "Vendor"),
        (4, "Employee", "Employee"),
    ],
};

/// The values of `defaultDimensionValuePostingType`.
static DEFAULT_DIMENSION_VALUE_POSTING_TYPE: EnumType = EnumType {
    name: "defaultDimensionValuePostingType",
    members: &[
        (0, "_x0020_", " "),
        (1, "Code_x0020_Mandatory", "Code Mandatory"),
        (2, "Same_x0020_Code", "Same Code"),
        (3, "No_x0020_Code", "No Code"),
    ],
};

/// The values of `taxBufferType`.
static TAX_BUFFER_TYPE: EnumType =
    EnumType { name: "taxBufferType", members: &[(0, "Sales_x0020_Tax", "Sales Tax"), (1, "VAT", "VAT")] };

/// The values of `countryRegionAddressFormat`.
static COUNTRY_REGION_ADDRESS_FORMAT: EnumType = EnumType {
    name: "countryRegionAddressFormat",
    members: &[
        (0, "Post_x0020_Code_x002B_City", "Post Code+City"),
        (1, "City_x002B_Post_x0020_Code", "City+Post Code"),
        (2, "City_x002B_County_x002B_Post_x0020_Code", "City+County+Post Code"),
        (3, "Blank_x0020_Line_x002B_Post_x0020_Code_x002B_City", "Blank Line+Post Code+City"),
        (13, "Custom", "Custom"),
    ],
};

/// The values of `invoiceEntityAggregateStatus`.
static INVOICE_ENTITY_AGGREGATE_STATUS: EnumType = EnumType {
    name: "invoiceEntityAggregateStatus",
    members: &[
        (0, "_x0020_", " "),
        (1, "Draft", "Draft"),
        (2, "In_x0020_Review", "In Review"),
        (3, "Open", "Open"),
        (4, "Paid", "Paid"),
        (5, "Canceled", "Canceled"),
        (6, "Corrective", "Corrective"),
    ],
};

/// The values of `genJournalDocumentType`.
static GEN_JOURNAL_DOCUMENT_TYPE: EnumType = EnumType {
    name: "genJournalDocumentType",
    members: &[
        (0, "_x0020_", " "),
        (1, "Payment", "Payment"),
        (2, "Invoice", "Invoice"),
        (3, "Credit_x0020_Memo", "Credit Memo"),
        (4, "Finance_x0020_Charge_x0020_Memo", "Finance Charge Memo"),
        (5, "Reminder", "Reminder"),
        (6, "Refund", "Refund"),
    ],
};

/// The values of `pictureEntityParentType`.
static PICTURE_ENTITY_PARENT_TYPE: EnumType = EnumType {
    name: "pictureEntityParentType",
    members: &[
        (1, "Customer", "Customer"),
        (2, "Item", "Item"),
        (3, "Vendor", "Vendor"),
        (4, "Employee", "Employee"),
        (5, "Contact", "Contact"),
        (6, "Item_x0020_Variant", "Item Variant"),
    ],
};

const fn property(name: &'static str, kind: Kind, max_length: Option<u16>, writable: Writable) -> Property {
    Property { name, kind, max_length, is_cut: false, writable, seed_only: false }
}

const fn plain(name: &'static str, kind: Kind, writable: Writable) -> Property {
    property(name, kind, Option::None, writable)
}

const fn text(name: &'static str, max_length: u16, writable: Writable) -> Property {
    property(name, Kind::Text, Some(max_length), writable)
}

const fn unlimited(name: &'static str, writable: Writable) -> Property {
    property(name, Kind::Text, Option::None, writable)
}

const fn code(name: &'static str, max_length: u16, writable: Writable) -> Property {
    property(name, Kind::Code, Some(max_length), writable)
}

const fn one(name: &'static str, target_set: &'static str) -> Navigation {
    Navigation { name, target_set, many: false, seed_only: false }
}

const fn many(name: &'static str, target_set: &'static str) -> Navigation {
    Navigation { name, target_set, many: true, seed_only: false }
}

impl Property {
    const fn cut(mut self) -> Self {
        self.is_cut = true;
        self
    }

    const fn seed_only(mut self) -> Self {
        self.seed_only = true;
        self
    }
}

impl Navigation {
    const fn seed_only(mut self) -> Self {
        self.seed_only = true;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::entity_by_set;
    use super::*;

    #[test]
    fn every_entity_starts_with_its_key() {
        for entity in ENTITIES {
            assert_eq!(entity.properties[EntityType::KEY].name, "id", "{}", entity.set);
        }
    }

    #[test]
    fn every_navigation_and_every_default_order_leads_somewhere() {
        for entity in ENTITIES {
            for navigation in entity.navigations {
                assert!(entity_by_set(navigation.target_set).is_some(), "{}/{}", entity.set, navigation.name);
            }
            assert_eq!(entity.default_order().len(), entity.order.len() + 1, "{}", entity.set);
        }
    }

    #[test]
    fn no_name_stands_twice_in_an_entity() {
        for entity in ENTITIES {
            for (index, property) in entity.properties.iter().enumerate() {
                assert_eq!(
                    entity.property_index(&property.name.to_uppercase()),
                    Some(index),
                    "{}",
                    entity.set
                );
            }
        }
    }
}
