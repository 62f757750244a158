//! Business Central API v1.0: the address is an object, and enumerations are plain texts.
//!
//! Source: the API pages of the application as they still ship, and the published description of v1.0; where the two
//! differ in a length, the pages count.

use super::business_central::{customers, default_dimensions, financial_details, payments};
use super::business_central_v2::DIALECT as V2;
use super::{Dialect, Entity, Field, Navigation};

/// API v1.0.
pub static DIALECT: Dialect = Dialect {
    system: "business-central",
    name: "v1.0",
    title: "Business Central v1.0",
    customers: &CUSTOMERS,
    payments: &CUSTOMER_PAYMENTS,
    financial_details: &CUSTOMER_FINANCIAL_DETAILS,
    journals: V2.journals,
    default_dimensions: Some(&DEFAULT_DIMENSIONS),
    plain_members: true,
    has_one_email: false,
    has_own_balances: false,
};

/// The parts of an address, which is one object.
///
/// Source: the type `postalAddressType`; the second line of the street follows the first after CR LF.
pub(super) mod address {
    use super::super::Field;
    use super::super::business_central::customers;

    pub(in super::super) const LINE_1: Field = customers::ADDRESS_LINE1.at("address/street");
    pub(in super::super) const LINE_2: Field = customers::ADDRESS_LINE2.at("address/street#2");
    pub(in super::super) const CITY: Field = customers::CITY.at("address/city");
    pub(in super::super) const STATE: Field = customers::STATE.at("address/state");
    pub(in super::super) const COUNTRY: Field = customers::COUNTRY.at("address/countryLetterCode");
    pub(in super::super) const POSTAL_CODE: Field = customers::POSTAL_CODE.at("address/postalCode");
}

/// The contact that a payment came from; no other dialect has it.
pub(super) const CONTACT: Field = Field::text("contactId", 250);

/// Customers: the people and organizations that are invoiced.
pub static CUSTOMERS: Entity = Entity {
    set: "customers",
    fields: &[
        Field::id(),
        customers::NUMBER,
        customers::DISPLAY_NAME,
        customers::TYPE,
        address::LINE_1,
        address::LINE_2,
        address::CITY,
        address::STATE,
        address::COUNTRY,
        address::POSTAL_CODE,
        customers::PHONE_NUMBER,
        customers::EMAIL,
        customers::WEBSITE,
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
        Navigation { name: "customerFinancialDetails", set: "customerFinancialDetails", many: true },
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
    ],
    navigations: &[],
};

/// Payments: lines of a payment journal. The server posts nothing when one is created.
pub static CUSTOMER_PAYMENTS: Entity = Entity {
    set: "customerPayments",
    fields: &[
        Field::id(),
        payments::JOURNAL_DISPLAY_NAME.read_only(),
        payments::LINE_NUMBER,
        payments::CUSTOMER_ID,
        payments::CUSTOMER_NUMBER,
        CONTACT,
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

/// The dimension values that new documents of a customer start with; named by the customer and the dimension.
pub static DEFAULT_DIMENSIONS: Entity = Entity {
    set: "defaultDimensions",
    fields: &[
        default_dimensions::CUSTOMER_NUMBER,
        default_dimensions::PARENT_ID,
        default_dimensions::DIMENSION_ID,
        default_dimensions::DIMENSION_CODE,
        default_dimensions::DIMENSION_VALUE_ID,
        default_dimensions::DIMENSION_VALUE_CODE,
        default_dimensions::POSTING_VALIDATION,
    ],
    navigations: &[],
};
