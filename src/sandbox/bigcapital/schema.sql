-- The books of the imitated Bigcapital organization, beside those of the imitated Business Central in one file.
--
-- Amounts are whole thousandths (the API keeps three decimals), exchange rates and quantities are text, days are
-- text (2026-01-28), moments are milliseconds since 1970 in UTC. Nothing is unique that the API does not make so.

CREATE TABLE big_setup (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE big_sequence (name TEXT PRIMARY KEY, next INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO big_sequence VALUES
    ('currency', 1000), ('account', 1000), ('item', 1000), ('journal', 1000), ('journal_entry', 1000),
    ('ledger', 1000), ('contact', 1), ('invoice', 1), ('invoice_entry', 1), ('payment', 1), ('payment_entry', 1),
    ('branch', 1), ('api_key', 1), ('payment_number', 1), ('invoice_number', 1), ('journal_number', 1);
CREATE TABLE big_write_requests (kind TEXT PRIMARY KEY, operations INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO big_write_requests VALUES
    ('carried_out', 0), ('refused', 0), ('faulted', 0), ('throttled', 0), ('swallowed', 0), ('deadlocked', 0);

CREATE TABLE big_api_key (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, name TEXT, revoked_at INTEGER, made INTEGER NOT NULL);
CREATE TABLE big_lock (
    module TEXT PRIMARY KEY, is_enabled INTEGER NOT NULL, lock_to TEXT NOT NULL, lock_reason TEXT NOT NULL,
    unlock_reason TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE big_branch (id INTEGER PRIMARY KEY, name TEXT NOT NULL, code TEXT NOT NULL, is_primary INTEGER NOT NULL);
CREATE TABLE big_currency (id INTEGER PRIMARY KEY, code TEXT NOT NULL, name TEXT NOT NULL, sign TEXT NOT NULL);
CREATE TABLE big_account (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, slug TEXT NOT NULL, code TEXT, account_type TEXT NOT NULL,
    currency_code TEXT NOT NULL, predefined INTEGER NOT NULL, amount INTEGER
);
CREATE TABLE big_item (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, type TEXT NOT NULL, sellable INTEGER, sell_price INTEGER,
    sell_account_id INTEGER
);

-- Customers -----------------------------------------------------------------------------------------------------

CREATE TABLE big_contact (
    id INTEGER PRIMARY KEY, contact_type TEXT NOT NULL, display_name TEXT NOT NULL, currency_code TEXT NOT NULL,
    active INTEGER NOT NULL, balance INTEGER NOT NULL, opening_balance INTEGER NOT NULL, opening_balance_at TEXT,
    opening_balance_exchange_rate TEXT NOT NULL, opening_balance_branch_id INTEGER, salutation TEXT, first_name TEXT,
    last_name TEXT, company_name TEXT, email TEXT, work_phone TEXT, personal_phone TEXT, website TEXT, note TEXT,
    billing_address1 TEXT, billing_address2 TEXT, billing_address_city TEXT, billing_address_state TEXT,
    billing_address_country TEXT, billing_address_phone TEXT, billing_address_email TEXT, shipping_address1 TEXT,
    shipping_address2 TEXT, shipping_address_city TEXT, shipping_address_state TEXT, shipping_address_country TEXT,
    shipping_address_phone TEXT, shipping_address_email TEXT, made INTEGER NOT NULL, changed INTEGER NOT NULL
);
CREATE INDEX big_contact_name ON big_contact (display_name);

-- What customers owe and have paid ------------------------------------------------------------------------------

CREATE TABLE big_invoice (
    id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL, invoice_no TEXT NOT NULL COLLATE NOCASE,
    invoice_date TEXT NOT NULL, due_date TEXT NOT NULL, reference_no TEXT, amount INTEGER NOT NULL,
    payment_amount INTEGER NOT NULL, currency_code TEXT NOT NULL, exchange_rate TEXT NOT NULL, delivered_at INTEGER,
    branch_id INTEGER
);
CREATE INDEX big_invoice_number ON big_invoice (invoice_no);
CREATE INDEX big_invoice_customer ON big_invoice (customer_id);
CREATE TABLE big_invoice_entry (
    id INTEGER PRIMARY KEY, invoice_id INTEGER NOT NULL, place INTEGER NOT NULL, item_id INTEGER NOT NULL,
    rate INTEGER NOT NULL, quantity INTEGER NOT NULL
);
CREATE INDEX big_invoice_entry_invoice ON big_invoice_entry (invoice_id);
CREATE TABLE big_payment (
    id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL, payment_date TEXT NOT NULL, amount INTEGER NOT NULL,
    currency_code TEXT NOT NULL, exchange_rate TEXT NOT NULL, reference_no TEXT, deposit_account_id INTEGER NOT NULL,
    payment_receive_no TEXT NOT NULL COLLATE NOCASE, statement TEXT, branch_id INTEGER
);
CREATE INDEX big_payment_number ON big_payment (payment_receive_no);
CREATE INDEX big_payment_customer ON big_payment (customer_id);
CREATE TABLE big_payment_entry (
    id INTEGER PRIMARY KEY, payment_id INTEGER NOT NULL, place INTEGER NOT NULL, invoice_id INTEGER NOT NULL,
    payment_amount INTEGER NOT NULL
);
CREATE INDEX big_payment_entry_payment ON big_payment_entry (payment_id);
CREATE TABLE big_journal (
    id INTEGER PRIMARY KEY, journal_number TEXT NOT NULL COLLATE NOCASE, date TEXT NOT NULL, reference TEXT,
    description TEXT, amount INTEGER NOT NULL, currency_code TEXT NOT NULL, exchange_rate TEXT NOT NULL,
    published_at INTEGER, branch_id INTEGER
);
CREATE TABLE big_journal_entry (
    id INTEGER PRIMARY KEY, journal_id INTEGER NOT NULL, place INTEGER NOT NULL, debit INTEGER NOT NULL,
    credit INTEGER NOT NULL, account_id INTEGER NOT NULL, contact_id INTEGER, note TEXT
);
CREATE INDEX big_journal_entry_journal ON big_journal_entry (journal_id);
CREATE INDEX big_journal_entry_contact ON big_journal_entry (contact_id);

-- The general ledger, in the organization's currency ------------------------------------------------------------

CREATE TABLE big_ledger (
    id INTEGER PRIMARY KEY, date TEXT NOT NULL, account_id INTEGER NOT NULL, contact_id INTEGER,
    debit INTEGER NOT NULL, credit INTEGER NOT NULL, currency_code TEXT NOT NULL, exchange_rate TEXT NOT NULL,
    reference_type TEXT NOT NULL, reference_id INTEGER NOT NULL, place INTEGER NOT NULL, number TEXT, reference TEXT
);
CREATE INDEX big_ledger_reference ON big_ledger (reference_type, reference_id);
CREATE INDEX big_ledger_contact ON big_ledger (contact_id);
