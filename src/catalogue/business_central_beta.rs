//! Business Central API beta: like v1.0, with the balances on the customer and shorter texts.
//!
//! Source: the documentation of beta and the application's last pages of it. Where they differ in a length the
//! shorter one counts: what fits it fits everywhere.

use super::business_central::{customers, financial_details, journals, payments};
use super::business_central_v1::{CONTACT, DEFAULT_DIMENSIONS, address};
use super::{Dialect, Entity, Field, Navigation};

/// API beta.
pub static DIALECT: Dialect = Dialect {
    system: "business-central",
    name: "beta",
    title: "Business Central beta",
    customers: &CUSTOMERS,
    payments: &CUSTOMER_PAYMENTS,
    financial_details: &CUSTOMER_FINANCIAL_DETAILS,
    journals: Some(&CUSTOMER_PAYMENT_JOURNALS),
    default_dimensions: Some(&DEFAULT_DIMENSIONS),
    plain_members: true,
    has_one_email: false,
    has_own_balances: false,
};

/// Customers: the people and organizations that are invoiced.
///
/// Source: how the objects of payment terms and methods are written is not documented, so the ids are.
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
        customers::WEBSITE.longest(80),
        customers::TAX_LIABLE,
        customers::TAX_AREA_ID,
        customers::TAX_AREA_DISPLAY_NAME,
        customers::TAX_REGISTRATION_NUMBER,
        customers::CURRENCY_ID,
        customers::CURRENCY_CODE,
        customers::PAYMENT_TERMS_ID,
        Field::code("paymentTermsCode", 0).at("paymentTerms/code").read_only(),
        Field::text("paymentTermsDescription", 0).at("paymentTerms/description").read_only(),
        customers::SHIPMENT_METHOD_ID,
        Field::code("shipmentMethodCode", 0).at("shipmentMethod/code").read_only(),
        Field::text("shipmentMethodDescription", 0).at("shipmentMethod/description").read_only(),
        customers::PAYMENT_METHOD_ID,
        Field::code("paymentMethodCode", 0).at("paymentMethod/code").read_only(),
        Field::text("paymentMethodDescription", 0).at("paymentMethod/description").read_only(),
        customers::BLOCKED,
        financial_details::BALANCE,
        financial_details::OVERDUE_AMOUNT,
        financial_details::TOTAL_SALES_EXCLUDING_TAX,
        Field::modified().also(&["last modified"]),
    ],
    navigations: &[
        Navigation { name: "currency", set: "currencies", many: false },
        Navigation { name: "paymentTerm", set: "paymentTerms", many: false },
        Navigation { name: "shipmentMethod", set: "shipmentMethods", many: false },
        Navigation { name: "paymentMethod", set: "paymentMethods", many: false },
        Navigation { name: "defaultDimensions", set: "defaultDimensions", many: true },
    ],
};

/// What each customer owes, in local currency, which stands in the customer's own record.
pub static CUSTOMER_FINANCIAL_DETAILS: Entity = Entity {
    set: "customers",
    fields: &[
        Field::id(),
        financial_details::NUMBER,
        financial_details::BALANCE,
        financial_details::TOTAL_SALES_EXCLUDING_TAX,
        financial_details::OVERDUE_AMOUNT,
    ],
    navigations: &[],
};

/// Payment journals: batches of payment lines that wait to be posted.
pub static CUSTOMER_PAYMENT_JOURNALS: Entity = Entity {
    set: "customerPaymentJournals",
    fields: &[
        Field::id(),
        journals::CODE,
        journals::DISPLAY_NAME.longest(50),
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
        payments::JOURNAL_DISPLAY_NAME.read_only(),
        payments::LINE_NUMBER,
        payments::CUSTOMER_ID,
        payments::CUSTOMER_NUMBER,
        CONTACT,
        payments::POSTING_DATE,
        payments::DOCUMENT_NUMBER,
        payments::EXTERNAL_DOCUMENT_NUMBER.longest(20),
        payments::AMOUNT,
        payments::APPLIES_TO_INVOICE_ID,
        payments::APPLIES_TO_INVOICE_NUMBER,
        payments::DESCRIPTION.longest(50),
        payments::COMMENT,
        Field::modified(),
    ],
    navigations: &[],
};
