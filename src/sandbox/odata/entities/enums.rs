//! The closed lists of names that properties hold: ordinal, API v2.0 name, and caption.
//!
//! Source: the enums of the Base Application, version 29. API v1.0 and beta send the caption.

use super::super::model::EnumType;

/// The values of `contactType`.
pub(super) static CONTACT_TYPE: EnumType =
    EnumType { name: "contactType", members: &[(0, "Company", "Company"), (1, "Person", "Person")] };

/// The values of `customerBlocked`.
pub(super) static CUSTOMER_BLOCKED: EnumType = EnumType {
    name: "customerBlocked",
    members: &[(0, "_x0020_", " "), (1, "Ship", "Ship"), (2, "Invoice", "Invoice"), (3, "All", "All")],
};

/// The values of `defaultDimensionParentType`.
pub(super) static DEFAULT_DIMENSION_PARENT_TYPE: EnumType = EnumType {
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
pub(super) static DEFAULT_DIMENSION_VALUE_POSTING_TYPE: EnumType = EnumType {
    name: "defaultDimensionValuePostingType",
    members: &[
        (0, "_x0020_", " "),
        (1, "Code_x0020_Mandatory", "Code Mandatory"),
        (2, "Same_x0020_Code", "Same Code"),
        (3, "No_x0020_Code", "No Code"),
    ],
};

/// The values of `taxBufferType`.
pub(super) static TAX_BUFFER_TYPE: EnumType =
    EnumType { name: "taxBufferType", members: &[(0, "Sales_x0020_Tax", "Sales Tax"), (1, "VAT", "VAT")] };

/// The values of `countryRegionAddressFormat`.
pub(super) static COUNTRY_REGION_ADDRESS_FORMAT: EnumType = EnumType {
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
pub(super) static INVOICE_ENTITY_AGGREGATE_STATUS: EnumType = EnumType {
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
pub(super) static GEN_JOURNAL_DOCUMENT_TYPE: EnumType = EnumType {
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
pub(super) static PICTURE_ENTITY_PARENT_TYPE: EnumType = EnumType {
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
