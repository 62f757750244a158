-- What the older versions of the API show of the books, beside `schema.sql`. Run whenever books are opened, so that
-- books made before can be used too. A view's columns are the set's properties; a nested one's name has a slash.

-- What API v1.0 and beta keep of a payment and v2.0 does not show. The dimensions are JSON, as they are sent.
CREATE TABLE IF NOT EXISTS payment_detail (
    id BLOB PRIMARY KEY, contactId TEXT NOT NULL DEFAULT '', dimensions TEXT NOT NULL DEFAULT '[]'
) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS payment_detail_ends AFTER DELETE ON payment_line BEGIN
    DELETE FROM payment_detail WHERE id = OLD.id;
END;

-- People that payments of API beta can come from; the nil id while no customer is made of one.
CREATE TABLE IF NOT EXISTS contact (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, customer BLOB NOT NULL DEFAULT (zeroblob(16))
) WITHOUT ROWID;

CREATE VIEW IF NOT EXISTS v1_customers AS SELECT
    id, number, displayName, type,
    addressLine1 || iif(addressLine2 = '', '', char(13, 10) || addressLine2) AS "address/street",
    city AS "address/city", state AS "address/state", country AS "address/countryLetterCode",
    postalCode AS "address/postalCode", phoneNumber, email, website, taxLiable, taxAreaId, taxAreaDisplayName,
    taxRegistrationNumber, currencyId, currencyCode, paymentTermsId, shipmentMethodId, paymentMethodId, blocked,
    lastModifiedDateTime, version
FROM customer;

CREATE VIEW IF NOT EXISTS beta_customers AS SELECT
    c.id AS id, c.number AS number, c.displayName AS displayName, c.type AS type,
    c.addressLine1 || iif(c.addressLine2 = '', '', char(13, 10) || c.addressLine2) AS "address/street",
    c.city AS "address/city", c.state AS "address/state", c.country AS "address/countryLetterCode",
    c.postalCode AS "address/postalCode", c.phoneNumber AS phoneNumber, c.email AS email, c.website AS website,
    c.taxLiable AS taxLiable, c.taxAreaId AS taxAreaId, c.taxAreaDisplayName AS taxAreaDisplayName,
    c.taxRegistrationNumber AS taxRegistrationNumber, c.currencyId AS currencyId, c.currencyCode AS currencyCode,
    c.paymentTermsId AS paymentTermsId, coalesce(t.code, '') AS "paymentTerms/code",
    coalesce(t.displayName, '') AS "paymentTerms/description", c.shipmentMethodId AS shipmentMethodId,
    coalesce(s.code, '') AS "shipmentMethod/code", coalesce(s.displayName, '') AS "shipmentMethod/description",
    c.paymentMethodId AS paymentMethodId, coalesce(m.code, '') AS "paymentMethod/code",
    coalesce(m.displayName, '') AS "paymentMethod/description", c.blocked AS blocked, c.balance AS balance,
    (SELECT coalesce(sum(remaining_lcy), 0) FROM customer_entry WHERE customer = c.id AND open = 1
        AND due_date < (SELECT value FROM setup WHERE name = 'due_limit')) AS overdueAmount,
    c.sales AS totalSalesExcludingTax, c.lastModifiedDateTime AS lastModifiedDateTime, c.version AS version
FROM customer c LEFT JOIN paymentTerms t ON t.id = c.paymentTermsId
LEFT JOIN shipmentMethods s ON s.id = c.shipmentMethodId LEFT JOIN paymentMethods m ON m.id = c.paymentMethodId;

CREATE VIEW IF NOT EXISTS v1_journals AS SELECT
    id, code, displayName, lastModifiedDateTime, balancingAccountId, balancingAccountNumber, version
FROM journal_batch WHERE template = 'GENERAL';

CREATE VIEW IF NOT EXISTS v1_customerPayments AS SELECT
    p.id AS id, p.journalId AS journalId, p.journalDisplayName AS journalDisplayName, p.lineNumber AS lineNumber,
    p.customerId AS customerId, p.customerNumber AS customerNumber, coalesce(d.contactId, '') AS contactId,
    p.postingDate AS postingDate, p.documentNumber AS documentNumber,
    p.externalDocumentNumber AS externalDocumentNumber, p.amount AS amount,
    p.appliesToInvoiceId AS appliesToInvoiceId, p.appliesToInvoiceNumber AS appliesToInvoiceNumber,
    p.description AS description, p.comment AS comment, coalesce(d.dimensions, '[]') AS dimensions,
    p.lastModifiedDateTime AS lastModifiedDateTime, p.version AS version
FROM payment_line p LEFT JOIN payment_detail d ON d.id = p.id WHERE p.hidden = 0;
