-- The books of one sandbox. Every set of the API is a table or a view with the set's name, whose columns are the
-- set's properties in wire spelling plus `version`, the row version that ETags are made of.
--
-- GUIDs are 16-byte blobs, amounts in the ledger are whole cents, other decimals are text, moments are milliseconds
-- since 1970 in UTC, days are text (2026-01-28), an enum is the place of its member in the type's list.

PRAGMA user_version = 1;

CREATE TABLE setup (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE write_requests (kind TEXT PRIMARY KEY, operations INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO write_requests VALUES ('carried_out', 0), ('refused', 0), ('faulted', 0), ('throttled', 0);

CREATE TABLE companies (
    id BLOB PRIMARY KEY, systemVersion TEXT NOT NULL, timestamp INTEGER NOT NULL, name TEXT NOT NULL,
    displayName TEXT NOT NULL, businessProfileId TEXT NOT NULL, systemCreatedAt INTEGER NOT NULL,
    systemCreatedBy BLOB NOT NULL, systemModifiedAt INTEGER NOT NULL, systemModifiedBy BLOB NOT NULL,
    version INTEGER NOT NULL
);

-- Reference tables -------------------------------------------------------------------------------------------

CREATE TABLE currencies (
    id BLOB PRIMARY KEY, code TEXT NOT NULL UNIQUE, displayName TEXT NOT NULL, symbol TEXT NOT NULL,
    amountDecimalPlaces TEXT NOT NULL, amountRoundingPrecision TEXT NOT NULL, lastModifiedDateTime INTEGER NOT NULL,
    version INTEGER NOT NULL, rate TEXT NOT NULL, rate_from TEXT NOT NULL
);
CREATE TABLE paymentTerms (
    id BLOB PRIMARY KEY, code TEXT NOT NULL UNIQUE, displayName TEXT NOT NULL, dueDateCalculation TEXT NOT NULL,
    discountDateCalculation TEXT NOT NULL DEFAULT '', discountPercent TEXT NOT NULL DEFAULT '0',
    calculateDiscountOnCreditMemos INTEGER NOT NULL DEFAULT 0, lastModifiedDateTime INTEGER NOT NULL,
    version INTEGER NOT NULL
);
CREATE TABLE paymentMethods (
    id BLOB PRIMARY KEY, code TEXT NOT NULL UNIQUE, displayName TEXT NOT NULL, lastModifiedDateTime INTEGER NOT NULL,
    version INTEGER NOT NULL
);
CREATE TABLE shipmentMethods (
    id BLOB PRIMARY KEY, code TEXT NOT NULL UNIQUE, displayName TEXT NOT NULL, lastModifiedDateTime INTEGER NOT NULL,
    version INTEGER NOT NULL
);
CREATE TABLE taxAreas (
    id BLOB PRIMARY KEY, code TEXT NOT NULL UNIQUE, displayName TEXT NOT NULL, taxType INTEGER NOT NULL DEFAULT 0,
    lastModifiedDateTime INTEGER NOT NULL, version INTEGER NOT NULL
);
CREATE TABLE countriesRegions (
    id BLOB PRIMARY KEY, code TEXT NOT NULL UNIQUE, displayName TEXT NOT NULL, addressFormat INTEGER NOT NULL DEFAULT 1,
    lastModifiedDateTime INTEGER NOT NULL, version INTEGER NOT NULL
);
CREATE TABLE salespeoplePurchasers (
    id BLOB PRIMARY KEY, code TEXT NOT NULL UNIQUE, displayName TEXT NOT NULL, email TEXT NOT NULL,
    lastModifiedDateTime INTEGER NOT NULL, version INTEGER NOT NULL
);
CREATE TABLE accounts (
    id BLOB PRIMARY KEY, number TEXT NOT NULL UNIQUE, displayName TEXT NOT NULL, lastModifiedDateTime INTEGER NOT NULL,
    version INTEGER NOT NULL
);
CREATE TABLE dimensions (
    id BLOB PRIMARY KEY, code TEXT NOT NULL UNIQUE, displayName TEXT NOT NULL, consolidationCode TEXT NOT NULL DEFAULT '',
    lastModifiedDateTime INTEGER NOT NULL, version INTEGER NOT NULL
);
CREATE TABLE dimensionValues (
    id BLOB PRIMARY KEY, code TEXT NOT NULL, dimensionId BLOB NOT NULL, displayName TEXT NOT NULL,
    consolidationCode TEXT NOT NULL DEFAULT '', lastModifiedDateTime INTEGER NOT NULL, version INTEGER NOT NULL,
    UNIQUE (dimensionId, code)
);
CREATE TABLE post_code (
    code TEXT PRIMARY KEY, city TEXT NOT NULL, state TEXT NOT NULL, country TEXT NOT NULL
) WITHOUT ROWID;
-- What a tax registration number of a country may look like: `#` a digit, `@` a letter, anything else itself.
CREATE TABLE tax_number_format (country TEXT NOT NULL, format TEXT NOT NULL);

-- Customers and what they owe --------------------------------------------------------------------------------

CREATE TABLE customer (
    row INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE, number TEXT NOT NULL UNIQUE, displayName TEXT NOT NULL, type INTEGER NOT NULL,
    addressLine1 TEXT NOT NULL, addressLine2 TEXT NOT NULL, city TEXT NOT NULL, state TEXT NOT NULL,
    country TEXT NOT NULL, postalCode TEXT NOT NULL, phoneNumber TEXT NOT NULL, email TEXT NOT NULL,
    website TEXT NOT NULL, salespersonCode TEXT NOT NULL, creditLimit TEXT NOT NULL, taxLiable INTEGER NOT NULL,
    taxAreaId BLOB NOT NULL, taxAreaDisplayName TEXT NOT NULL, taxRegistrationNumber TEXT NOT NULL,
    currencyId BLOB NOT NULL, currencyCode TEXT NOT NULL, paymentTermsId BLOB NOT NULL, shipmentMethodId BLOB NOT NULL,
    paymentMethodId BLOB NOT NULL, blocked INTEGER NOT NULL, lastModifiedDateTime INTEGER NOT NULL,
    version INTEGER NOT NULL,
    privacy_blocked INTEGER NOT NULL DEFAULT 0,
    -- 1 when the number was drawn from the series because none was sent.
    is_drawn INTEGER NOT NULL DEFAULT 0,
    -- Kept by posting, in cents of the local currency.
    balance INTEGER NOT NULL DEFAULT 0, sales INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX customer_by_name ON customer (displayName);
CREATE INDEX customer_by_modification ON customer (lastModifiedDateTime);

CREATE TABLE customer_entry (
    entry_number INTEGER PRIMARY KEY, customer BLOB NOT NULL,
    -- 1 payment, 2 invoice
    document_type INTEGER NOT NULL,
    document_number TEXT NOT NULL, external_document_number TEXT NOT NULL, posting_date TEXT NOT NULL,
    due_date TEXT NOT NULL, description TEXT NOT NULL, currency TEXT NOT NULL,
    -- Cents of the entry's currency, then of the local currency.
    amount INTEGER NOT NULL, remaining INTEGER NOT NULL, amount_lcy INTEGER NOT NULL, remaining_lcy INTEGER NOT NULL,
    open INTEGER NOT NULL, journal_code TEXT NOT NULL
);
CREATE INDEX entry_open ON customer_entry (customer, due_date, remaining_lcy, remaining) WHERE open = 1;
CREATE INDEX entry_by_document ON customer_entry (document_number) WHERE document_type = 2;
CREATE INDEX entry_by_customer ON customer_entry (customer);

CREATE VIEW generalLedgerEntries AS SELECT
    unhex(printf('%032x', entry_number)) AS id, entry_number AS entryNumber, posting_date AS postingDate,
    document_number AS documentNumber, document_type AS documentType, description,
    max(amount_lcy, 0) AS debitAmount, max(-amount_lcy, 0) AS creditAmount, entry_number AS version
FROM customer_entry;

CREATE VIEW customers AS SELECT
    id, number, displayName, type, addressLine1, addressLine2, city, state, country, postalCode, phoneNumber, email,
    website, salespersonCode,
    (SELECT coalesce(sum(remaining), 0) FROM customer_entry WHERE customer = customer.id AND open = 1
        AND due_date <= (SELECT value FROM setup WHERE name = 'work_date')) AS balanceDue,
    creditLimit, taxLiable, taxAreaId, taxAreaDisplayName, taxRegistrationNumber, currencyId, currencyCode,
    paymentTermsId, shipmentMethodId, paymentMethodId, blocked, balance,
    (SELECT coalesce(sum(remaining_lcy), 0) FROM customer_entry WHERE customer = customer.id AND open = 1
        AND due_date < (SELECT value FROM setup WHERE name = 'due_limit')) AS overdueAmount,
    sales AS totalSalesExcludingTax, lastModifiedDateTime, version
FROM customer;

CREATE VIEW customerFinancialDetails AS SELECT
    id, number, balance, sales AS totalSalesExcludingTax,
    (SELECT coalesce(sum(remaining_lcy), 0) FROM customer_entry WHERE customer = customer.id AND open = 1
        AND due_date < (SELECT value FROM setup WHERE name = 'due_limit')) AS overdueAmount,
    lastModifiedDateTime, version
FROM customer;

CREATE VIEW pictures AS SELECT
    id, 0 AS parentType, 0 AS width, 0 AS height, '' AS contentType, version FROM customer;

CREATE TABLE sales_invoice (
    id BLOB PRIMARY KEY, number TEXT NOT NULL UNIQUE, externalDocumentNumber TEXT NOT NULL, postingDate TEXT NOT NULL,
    dueDate TEXT NOT NULL, customer BLOB NOT NULL,
    -- Cents, tax included.
    total INTEGER NOT NULL,
    -- Nothing while the invoice is a draft.
    entry_number INTEGER, lastModifiedDateTime INTEGER NOT NULL, version INTEGER NOT NULL
);
CREATE VIEW salesInvoices AS SELECT
    i.id AS id, i.number AS number, i.externalDocumentNumber AS externalDocumentNumber, i.postingDate AS postingDate,
    i.dueDate AS dueDate, c.id AS customerId, c.number AS customerNumber, c.id AS billToCustomerId,
    c.number AS billToCustomerNumber, c.currencyId AS currencyId, c.currencyCode AS currencyCode,
    coalesce(e.remaining, i.total) AS remainingAmount, i.total AS totalAmountIncludingTax,
    CASE WHEN e.open IS NULL THEN 1 WHEN e.open = 1 THEN 3 ELSE 4 END AS status,
    i.lastModifiedDateTime AS lastModifiedDateTime, i.version AS version
FROM sales_invoice i JOIN customer c ON c.id = i.customer
LEFT JOIN customer_entry e ON e.entry_number = i.entry_number;

CREATE TABLE default_dimension (
    id BLOB PRIMARY KEY, parentType INTEGER NOT NULL, parentId BLOB NOT NULL, dimensionId BLOB NOT NULL,
    dimensionValueId BLOB NOT NULL, postingValidation INTEGER NOT NULL, lastModifiedDateTime INTEGER NOT NULL,
    version INTEGER NOT NULL, UNIQUE (parentId, dimensionId)
);
CREATE VIEW defaultDimensions AS SELECT
    d.id AS id, d.parentType AS parentType, d.parentId AS parentId, d.dimensionId AS dimensionId,
    n.code AS dimensionCode, d.dimensionValueId AS dimensionValueId, coalesce(v.code, '') AS dimensionValueCode,
    d.postingValidation AS postingValidation, d.lastModifiedDateTime AS lastModifiedDateTime, d.version AS version
FROM default_dimension d JOIN dimensions n ON n.id = d.dimensionId
LEFT JOIN dimensionValues v ON v.id = d.dimensionValueId;

-- Journals ---------------------------------------------------------------------------------------------------

CREATE TABLE journal_batch (
    id BLOB PRIMARY KEY, template TEXT NOT NULL, code TEXT NOT NULL, displayName TEXT NOT NULL,
    balancingAccountId BLOB NOT NULL, balancingAccountNumber TEXT NOT NULL, lastModifiedDateTime INTEGER NOT NULL,
    version INTEGER NOT NULL, UNIQUE (template, code)
);
CREATE VIEW customerPaymentJournals AS SELECT
    id, code, displayName, lastModifiedDateTime, balancingAccountId, balancingAccountNumber, version
FROM journal_batch WHERE template = 'CASHRCPT';
CREATE VIEW journals AS SELECT
    id, code, displayName, template AS templateDisplayName, lastModifiedDateTime, balancingAccountId,
    balancingAccountNumber, version
FROM journal_batch;

CREATE TABLE payment_line (
    row INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE, journalId BLOB NOT NULL, journalDisplayName TEXT NOT NULL, lineNumber INTEGER NOT NULL,
    customerId BLOB NOT NULL, customerNumber TEXT NOT NULL, postingDate TEXT NOT NULL, documentNumber TEXT NOT NULL,
    externalDocumentNumber TEXT NOT NULL,
    -- Cents of the line's currency, which is the customer's.
    amount INTEGER NOT NULL, currency TEXT NOT NULL,
    appliesToInvoiceId BLOB NOT NULL, appliesToInvoiceNumber TEXT NOT NULL, description TEXT NOT NULL,
    comment TEXT NOT NULL, lastModifiedDateTime INTEGER NOT NULL, version INTEGER NOT NULL,
    -- 1 for the empty line that posting leaves behind.
    hidden INTEGER NOT NULL DEFAULT 0,
    UNIQUE (journalId, lineNumber)
);
CREATE INDEX payment_line_by_customer ON payment_line (customerId);
CREATE VIEW customerPayments AS SELECT
    id, journalId, journalDisplayName, lineNumber, customerId, customerNumber, postingDate, documentNumber,
    externalDocumentNumber, amount, appliesToInvoiceId, appliesToInvoiceNumber, description, comment,
    lastModifiedDateTime, version
FROM payment_line WHERE hidden = 0;
