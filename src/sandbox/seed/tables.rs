//! What a new sandbox's company knows, as tables: references, customers, and the invoices they still owe.
//!
//! The customers and their balances are those that published examples of the API show, filled up to a dozen.
//! Payment terms and methods stand in the order of the ids that generated benchmark files refer to.

/// Code and description.
pub(super) type Coded = (&'static str, &'static str);

/// Code, description and the formula of the due date.
pub(super) const PAYMENT_TERMS: &[(&str, &str, &str)] = &[
    ("30 DAYS", "Net 30 days", "30D"),
    ("14 DAYS", "Net 14 days", "14D"),
    ("COD", "Cash on delivery", "0D"),
    ("1M(8D)", "1 month, 2% discount within 8 days", "1M"),
    ("CM", "Current month", "CM"),
    ("10 DAYS", "Net 10 days", "10D"),
    ("60 DAYS", "Net 60 days", "60D"),
    ("21 DAYS", "Net 21 days", "21D"),
];

/// Payment methods.
pub(super) const PAYMENT_METHODS: &[Coded] = &[
    ("BANK", "Bank transfer"),
    ("CASH", "Cash payment"),
    ("CHECK", "Check payment"),
    ("CARD", "Card payment"),
    ("GIRO", "Giro transfer"),
    ("PAYPAL", "PayPal payment"),
];

/// Shipment methods.
pub(super) const SHIPMENT_METHODS: &[Coded] = &[
    ("CIF", "Cost, insurance and freight"),
    ("CIP", "Carriage and insurance paid"),
    ("DAP", "Delivered at place"),
    ("DDP", "Delivered duty paid"),
    ("DELIVERY", "Delivery by our van"),
    ("EXW", "Ex works"),
    ("FOB", "Free on board"),
    ("PICKUP", "Pickup at location"),
];

/// Tax areas.
pub(super) const TAX_AREAS: &[Coded] = &[
    ("ATLANTA, GA", "Atlanta, GA"),
    ("CHICAGO, IL", "Chicago, IL"),
    ("DALLAS, TX", "Dallas, TX"),
    ("MIAMI, FL", "Miami, FL"),
];

/// Code, name, symbol, decimal places, rounding step, and how much local currency one unit is worth.
pub(super) const CURRENCIES: &[(&str, &str, &str, &str, &str, &str)] = &[
    ("AUD", "Australian dollar", "$", "2:2", "0.01", "0.66"),
    ("CAD", "Canadian dollar", "$", "2:2", "0.01", "0.73"),
    ("CHF", "Swiss franc", "CHF", "2:2", "0.01", "1.12"),
    ("DKK", "Danish krone", "kr", "2:2", "0.01", "0.145"),
    ("EUR", "Euro", "€", "2:2", "0.01", "1.08"),
    ("GBP", "Pound sterling", "£", "2:2", "0.01", "1.27"),
    ("INR", "Indian rupee", "₹", "2:2", "0.01", "0.012"),
    ("JPY", "Japanese yen", "¥", "0:0", "1", "0.0067"),
    ("MXN", "Mexican peso", "$", "2:2", "0.01", "0.058"),
    ("NOK", "Norwegian krone", "kr", "2:2", "0.01", "0.094"),
    ("PLN", "Polish zloty", "zł", "2:2", "0.01", "0.25"),
    ("SEK", "Swedish krona", "kr", "2:2", "0.01", "0.096"),
];

/// The first day with exchange rates.
pub(super) const RATES_FROM: &str = "2020-01-01";

/// Countries and regions.
pub(super) const COUNTRIES: &[Coded] = &[
    ("AT", "Austria"),
    ("AU", "Australia"),
    ("BE", "Belgium"),
    ("BR", "Brazil"),
    ("CA", "Canada"),
    ("CH", "Switzerland"),
    ("CN", "China"),
    ("CZ", "Czechia"),
    ("DE", "Germany"),
    ("DK", "Denmark"),
    ("ES", "Spain"),
    ("FI", "Finland"),
    ("FR", "France"),
    ("GB", "Great Britain"),
    ("IE", "Ireland"),
    ("IN", "India"),
    ("IS", "Iceland"),
    ("IT", "Italy"),
    ("JP", "Japan"),
    ("MX", "Mexico"),
    ("NL", "Netherlands"),
    ("NO", "Norway"),
    ("NZ", "New Zealand"),
    ("PL", "Poland"),
    ("PT", "Portugal"),
    ("SE", "Sweden"),
    ("SG", "Singapore"),
    ("US", "USA"),
    ("ZA", "South Africa"),
];

/// Code and name of the people who sell.
pub(super) const SALESPEOPLE: &[Coded] = &[
    ("BD", "Bart Duncan"),
    ("EH", "Ester Henderson"),
    ("HR", "Helena Ray"),
    ("JO", "Jim Olive"),
    ("LM", "Linda Martin"),
    ("OF", "Otto Fischer"),
    ("PS", "Peter Saddow"),
];

/// G/L accounts a payment journal can be balanced with.
pub(super) const ACCOUNTS: &[Coded] = &[
    ("10100", "Checking account"),
    ("10200", "Saving account"),
    ("10300", "Petty cash"),
    ("15110", "Accounts receivable, domestic"),
];

/// Dimension, its name, and its values.
pub(super) const DIMENSIONS: &[(&str, &str, &[Coded])] = &[
    ("AREA", "Area", &[("30", "Europe"), ("40", "North America"), ("50", "Asia")]),
    ("CUSTOMERGROUP", "Customer group", &[("LARGE", "Large"), ("MEDIUM", "Medium"), ("SMALL", "Small")]),
    ("DEPARTMENT", "Department", &[("ADM", "Administration"), ("PROD", "Production"), ("SALES", "Sales")]),
];

/// Postal codes that fill in city, state and country: code, city, state, country.
pub(super) const POST_CODES: &[(&str, &str, &str, &str)] = &[
    ("GB-N16 34Z", "London", "", "GB"),
    ("GB-W1 3AL", "London", "", "GB"),
    ("DE-20097", "Hamburg", "", "DE"),
    ("US-GA 31772", "Atlanta", "GA", "US"),
];

/// Country and a form its tax registration numbers may have: `#` a digit, `@` a letter.
pub(super) const TAX_NUMBER_FORMATS: &[Coded] = &[
    ("DE", "DE#########"),
    ("DK", "DK########"),
    ("DK", "########"),
    ("FR", "FR###########"),
    ("FR", "FR@@#########"),
    ("GB", "GB#########"),
    ("GB", "GB############"),
];

/// Template, code, description, and the account that balances the journal.
pub(super) const JOURNALS: &[(&str, &str, &str, &str)] = &[
    ("CASHRCPT", "BANK", "Bank receipts", "10100"),
    ("CASHRCPT", "GENERAL", "Cash receipts", "10300"),
    ("GENERAL", "DEFAULT", "Default journal", ""),
];

/// Id and name of people, and the number of the customer each is, blank while they are none.
pub(super) const CONTACTS: &[(&str, &str, &str)] = &[
    ("AAMkADAxMDAwMA", "Adatum Corporation", "10000"),
    ("AAMkADAyMDAwMA", "Trey Research", "20000"),
    ("AAMkADQwMDAwMA", "Alpine Ski House", "40000"),
    ("AAMkADk5OTk5OQ", "Margie's Travel", ""),
];

/// A customer: who and where.
pub(super) struct Customer {
    pub(super) number: &'static str,
    pub(super) name: &'static str,
    /// Street, second line, city, state, country, postal code.
    pub(super) address: [&'static str; 6],
    pub(super) phone: &'static str,
    /// The host that e-mail and website are made of.
    pub(super) host: &'static str,
    /// Blank for the local one.
    pub(super) currency: &'static str,
    pub(super) credit_limit: &'static str,
    /// The place in the list: none, ship, invoice, all.
    pub(super) blocked: u8,
    pub(super) salesperson: &'static str,
}

/// One customer to a line.
#[rustfmt::skip]
pub(super) const CUSTOMERS: &[Customer] = &[
    customer("10000", "Adatum Corporation", ["192 Market Square", "Suite 300", "Atlanta", "GA", "US", "31772"], "+1-404-555-0100", "adatum.com", "", "50000", 0, "JO"),
    customer("20000", "Trey Research", ["1 Main Street", "", "Dallas", "TX", "US", "74532"], "+1-214-555-0200", "treyresearch.net", "", "25000", 0, "PS"),
    customer("30000", "School of Fine Art", ["10 High Tower Green", "", "Miami", "FL", "US", "37125"], "+1-305-555-0123", "fineartschool.net", "", "0", 0, "JO"),
    customer("40000", "Alpine Ski House", ["Walter-von-Miller-Straße 20", "", "München", "", "DE", "80807"], "+49 89 555 0144", "alpineskihouse.com", "EUR", "75000", 0, "LM"),
    customer("50000", "Relecloud", ["25 Water Way", "", "Atlanta", "GA", "US", "31772"], "+1-404-555-0150", "relecloud.com", "", "10000", 0, "BD"),
    customer("60000", "Fabrikam Residences", ["3456 Oak Avenue", "Building C", "Chicago", "IL", "US", "60601"], "+1-312-555-0160", "fabrikam.com", "", "100000", 0, "PS"),
    customer("70000", "Litware, Inc.", ["77 Harbor Road", "", "Seattle", "WA", "US", "98101"], "+1-206-555-0170", "litware.com", "", "5000", 3, "HR"),
    customer("80000", "Contoso Suites Ltd.", ["12 King's Parade", "", "London", "", "GB", "W1D 3QF"], "+44 20 5550 0180", "contososuites.co.uk", "GBP", "40000", 0, "EH"),
    customer("90000", "Northwind Traders", ["8 Pier Street", "Dock 4", "Boston", "MA", "US", "02108"], "+1-617-555-0190", "northwindtraders.com", "", "60000", 1, "OF"),
    customer("91000", "Wingtip Toys", ["400 Toy Lane", "", "Denver", "CO", "US", "80202"], "+1-303-555-0191", "wingtiptoys.com", "", "15000", 0, "JO"),
    customer("92000", "Coho Vineyard", ["5 Chemin des Vignes", "", "Lyon", "", "FR", "69002"], "+33 4 55 50 01 92", "cohovineyard.com", "EUR", "30000", 2, "LM"),
    customer("93000", "Tailspin Toys", ["221 Maple Court", "", "Austin", "TX", "US", "73301"], "+1-512-555-0193", "tailspintoys.com", "", "8000", 0, "BD"),
];

/// An invoice, in the customer's currency.
pub(super) struct Invoice {
    pub(super) number: &'static str,
    pub(super) customer: &'static str,
    pub(super) posted: &'static str,
    pub(super) due: &'static str,
    /// Cents with tax, cents without.
    pub(super) amounts: [i64; 2],
    /// What became of it.
    pub(super) state: State,
}

/// What became of an invoice.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Not posted yet.
    Draft,
    /// Posted and owed.
    Open,
    /// Posted and paid.
    Paid,
}

/// One invoice to a line.
#[rustfmt::skip]
pub(super) const INVOICES: &[Invoice] = &[
    invoice("102001", "10000", "2025-06-30", "2025-07-30", [22_925_000, 22_925_000], State::Paid),
    invoice("102002", "20000", "2025-07-15", "2025-08-14", [11_654_950, 11_654_950], State::Paid),
    invoice("102003", "50000", "2025-08-20", "2025-09-19", [7_221_220, 7_221_220], State::Paid),
    invoice("103001", "10000", "2025-11-20", "2025-12-20", [320_000, 320_000], State::Open),
    invoice("103002", "10000", "2026-01-15", "2026-02-14", [1_255_000, 1_255_000], State::Open),
    invoice("103003", "20000", "2026-01-12", "2026-02-11", [845_050, 845_050], State::Open),
    invoice("103004", "30000", "2025-12-01", "2025-12-31", [246_800, 246_800], State::Open),
    invoice("103005", "40000", "2025-12-18", "2026-01-17", [500_000, 420_168], State::Open),
    invoice("103006", "50000", "2025-11-05", "2025-12-05", [575_496, 575_496], State::Open),
    invoice("103007", "50000", "2026-01-20", "2026-02-19", [308_184, 308_184], State::Open),
    invoice("103008", "60000", "2026-01-08", "2026-02-07", [1_999_999, 1_999_999], State::Open),
    invoice("103009", "70000", "2025-09-30", "2025-10-30", [480_000, 480_000], State::Open),
    invoice("103010", "80000", "2026-01-05", "2026-02-04", [360_000, 300_000], State::Open),
    invoice("103011", "90000", "2025-12-10", "2026-01-09", [75_025, 75_025], State::Open),
    invoice("103012", "91000", "2026-01-22", "2026-02-21", [1_250, 1_250], State::Open),
    invoice("103013", "92000", "2025-10-10", "2025-11-09", [120_000, 100_000], State::Open),
    invoice("S-ORD101009", "10000", "2026-01-27", "2026-02-26", [99_900, 99_900], State::Draft),
];

#[expect(clippy::too_many_arguments, reason = "a line of a table, one argument for each column")]
const fn customer(
    number: &'static str,
    name: &'static str,
    address: [&'static str; 6],
    phone: &'static str,
    host: &'static str,
    currency: &'static str,
    credit_limit: &'static str,
    blocked: u8,
    salesperson: &'static str,
) -> Customer {
    Customer { number, name, address, phone, host, currency, credit_limit, blocked, salesperson }
}

const fn invoice(
    number: &'static str,
    customer: &'static str,
    posted: &'static str,
    due: &'static str,
    amounts: [i64; 2],
    state: State,
) -> Invoice {
    Invoice { number, customer, posted, due, amounts, state }
}
