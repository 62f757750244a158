//! What a file of each kind of record looks like for each dialect, and the same records as the books hold them.

use std::path::Path;

use ledgerferry::catalogue::Dialect;
use ledgerferry::domain::{EntityKind, Money};
use ledgerferry::sandbox::{Sandbox, SandboxOptions, seed_customers};
use ledgerferry::transport::{ApiRequest, Credential, PlainHttp, Transport, TransportOptions};
use serde_json::Value;

/// The journal of all payments.
pub(crate) const JOURNAL: &str = "PASSAGE";

/// The account that payments into Bigcapital go to.
pub(crate) const DEPOSIT_ACCOUNT: &str = "10001";

/// A row as its cells, in the order of its file's columns; what changes is always the last.
pub(crate) type Cells = Vec<String>;

/// The customers whom default dimensions are given to: as many as the rows of all files of a test name.
const CROWD: usize = 400;

/// How many dimensions the books know; each customer can have each of them once.
const DIMENSIONS: [(&str, [&str; 3]); 3] = [
    ("AREA", ["30", "40", "50"]),
    ("CUSTOMERGROUP", ["LARGE", "MEDIUM", "SMALL"]),
    ("DEPARTMENT", ["ADM", "PROD", "SALES"]),
];

/// How many customers the rows of one file name at most, where each has all dimensions.
const CUSTOMERS_OF_A_FILE: usize = 8;

/// The dialect that records of Business Central are looked at through: the sandbox serves all over the same books.
const LENS: &str = "v2.0";

/// The file of one kind of record for one dialect.
#[derive(Clone, Copy)]
pub(crate) struct Sheet {
    pub(crate) dialect: &'static Dialect,
    pub(crate) kind: EntityKind,
}

impl Sheet {
    pub(crate) fn is_bigcapital(self) -> bool {
        self.dialect.system == "bigcapital"
    }

    /// The headings, and the names of their fields in what the books are read by.
    fn columns(self) -> Vec<(&'static str, &'static str)> {
        let has_limit = self.dialect.customers.field("creditLimit").is_some();
        match (self.kind, self.is_bigcapital()) {
            (EntityKind::Customers, false) => vec![
                ("Number", "number"),
                ("Display Name", "displayName"),
                ("Address", "addressLine1"),
                ("City", "city"),
                if has_limit { ("Credit Limit", "creditLimit") } else { ("Address 2", "addressLine2") },
            ],
            (EntityKind::Customers, true) => vec![
                ("Note", "note"),
                ("Display Name", "display_name"),
                ("Address", "billing_address1"),
                ("City", "billing_address_city"),
                ("Address 2", "billing_address2"),
            ],
            (EntityKind::Dimensions, _) => vec![
                ("Customer Number", "number"),
                ("Dimension Code", "dimensionCode"),
                ("Value Posting", "postingValidation"),
                ("Dimension Value Code", "dimensionValueCode"),
            ],
            (EntityKind::Payments, false) => vec![
                ("Document Number", "documentNumber"),
                ("Customer Number", "customerNumber"),
                ("Posting Date", "postingDate"),
                ("External Document Number", "externalDocumentNumber"),
                ("Amount", "amount"),
            ],
            (EntityKind::Payments, true) => vec![
                ("Payment Number", "payment_receive_no"),
                ("Invoice", "invoice_no"),
                ("Date", "payment_date"),
                ("Reference", "reference_no"),
                ("Amount", "amount"),
            ],
        }
    }

    fn headings(self) -> impl Iterator<Item = &'static str> {
        self.columns().into_iter().map(|(heading, _)| heading)
    }

    fn fields(self) -> Vec<&'static str> {
        self.columns().into_iter().map(|(_, field)| field).collect()
    }

    /// Puts into the books what the rows refer to.
    pub(crate) fn prepare(self, books: &Path) {
        if self.kind == EntityKind::Dimensions {
            seed_customers(books, CROWD).unwrap();
        }
    }

    /// Row `row` of file `round`, as the books are to hold it.
    pub(crate) fn row(self, round: u64, row: usize) -> Cells {
        match (self.kind, self.is_bigcapital()) {
            (EntityKind::Customers, _) => vec![
                format!("M{round}-{row}"),
                format!("Matrix {round} {row} Ltd."),
                format!("Road {row}"),
                "Ulm".to_owned(),
                format!("{row}.25"),
            ],
            (EntityKind::Dimensions, _) => {
                let round = usize::try_from(round).unwrap();
                let customer = round * CUSTOMERS_OF_A_FILE + row.div_ceil(DIMENSIONS.len());
                assert!(customer <= CROWD, "there are only {CROWD} customers");
                let (dimension, values) = DIMENSIONS[row % DIMENSIONS.len()];
                vec![
                    format!("S{customer:07}"),
                    dimension.to_owned(),
                    ["", "Code Mandatory", "Same Code"][(row + customer) % 3].to_owned(),
                    values[(row + round) % 3].to_owned(),
                ]
            }
            (EntityKind::Payments, is_bigcapital) => vec![
                format!("M{round}-{row}"),
                if is_bigcapital {
                    format!("INV-{}", 1001 + row % 3)
                } else {
                    format!("{}0000", 1 + row % 2)
                },
                format!("2026-{}-{:02}", if is_bigcapital { "03" } else { "10" }, 1 + row % 28),
                format!("EXT/{row}"),
                if is_bigcapital { "-3".to_owned() } else { format!("-{row}.15") },
            ],
        }
    }

    /// The same row as it was before.
    pub(crate) fn earlier(row: &Cells) -> Cells {
        let mut row = row.clone();
        let last = row.last_mut().unwrap();
        *last = match DIMENSIONS.iter().find(|(_, values)| values.contains(&last.as_str())) {
            Some((_, values)) => values[usize::from(*last == values[0])].to_owned(),
            None if last.contains('.') => last.replace('.', "00."),
            None => "-4".to_owned(),
        };
        row
    }

    /// The file, with what every row's `ferry_action` says, if there is such a column.
    pub(crate) fn file(self, rows: &[Cells], action: Option<&str>) -> Vec<u8> {
        let mut file = csv::Writer::from_writer(Vec::new());
        file.write_record(self.headings().chain(action.map(|_| "ferry_action"))).unwrap();
        for row in rows {
            file.write_record(row.iter().map(String::as_str).chain(action)).unwrap();
        }
        file.into_inner().unwrap()
    }

    /// What the books hold that came out of such files, asked of a sandbox without faults.
    pub(crate) async fn in_the_books(self, sandbox: &Sandbox, utc_offset: i8) -> Vec<Cells> {
        let mut all = match self.kind {
            // The books of a new sandbox hold none.
            EntityKind::Dimensions => return in_customers(sandbox).await,
            _ if self.is_bigcapital() => self.in_bigcapital(sandbox, utc_offset).await,
            _ => self.in_business_central(sandbox).await,
        };
        all.retain(|cells| cells.iter().any(|cell| cell.starts_with("Matrix") || cell.starts_with("EXT/")));
        all
    }

    async fn in_business_central(self, sandbox: &Sandbox) -> Vec<Cells> {
        let fields = self.fields();
        let set = match self.kind {
            EntityKind::Customers => "customers".to_owned(),
            EntityKind::Dimensions => panic!("they are below their customers"),
            EntityKind::Payments => {
                let journals = records(sandbox, "customerPaymentJournals?$select=id,code").await;
                let Some(journal) = journals.iter().find(|journal| journal["code"] == JOURNAL) else {
                    return Vec::new();
                };
                format!("customerPaymentJournals({})/customerPayments", journal["id"].as_str().unwrap())
            }
        };
        let records = records(sandbox, &format!("{set}?$select={}", fields.join(","))).await;
        records.iter().map(|record| fields.iter().map(|field| text(&record[field])).collect()).collect()
    }

    async fn in_bigcapital(self, sandbox: &Sandbox, utc_offset: i8) -> Vec<Cells> {
        let fields = self.fields();
        let (path, list) = match self.kind {
            EntityKind::Customers => ("customers", "customers"),
            EntityKind::Dimensions => panic!("there are none"),
            EntityKind::Payments => ("payments-received", "payment_receives"),
        };
        let page = bigcapital(sandbox, &format!("{path}?page_size=10000")).await;
        let mut all = Vec::new();
        for mut record in page[list].as_array().unwrap_or_else(|| panic!("{page}")).iter().cloned() {
            if self.kind == EntityKind::Payments {
                let whole = bigcapital(sandbox, &format!("{path}/{}", record["id"])).await;
                record["invoice_no"] = whole["entries"][0]["invoice"]["invoice_no"].clone();
                // Days are instants of local midnight there, and money received is positive.
                let midnight: jiff::Timestamp = record["payment_date"].as_str().unwrap().parse().unwrap();
                let there = jiff::tz::Offset::constant(utc_offset).to_datetime(midnight);
                assert_eq!(there.time(), jiff::civil::Time::midnight());
                record["payment_date"] = there.date().to_string().into();
                record["amount"] = format!("-{}", text(&record["amount"])).into();
            }
            all.push(fields.iter().map(|field| text(&record[field])).collect());
        }
        all
    }
}

/// The address and the credential of the API of this dialect in a sandbox.
pub(crate) fn door(sandbox: &Sandbox, dialect: &Dialect) -> (String, Credential) {
    let welcome = sandbox.welcome();
    if dialect.system == "bigcapital" {
        return (
            welcome.bigcapital.url.clone(),
            Credential::Bearer(welcome.bigcapital.api_key.clone().into()),
        );
    }
    let url = welcome.urls.iter().find(|(served, _)| served.name() == dialect.name).unwrap().1;
    let credential = Credential::ClientCredentials {
        token_url: welcome.token_url.parse().unwrap(),
        client_id: welcome.client_id.clone(),
        client_secret: welcome.client_secret.clone().into(),
        scope: welcome.scope.clone(),
    };
    (url.clone(), credential)
}

/// A sandbox of these books that behaves.
pub(crate) async fn calm(options: &SandboxOptions) -> Sandbox {
    let own = SandboxOptions {
        books: options.books.clone(),
        strict: options.strict,
        utc_offset: options.utc_offset,
        ..SandboxOptions::default()
    };
    Sandbox::start(own).await.unwrap()
}

async fn get(sandbox: &Sandbox, dialect: &Dialect, path: &str) -> Value {
    let (root, credential) = door(sandbox, dialect);
    let transport = Transport::new(TransportOptions {
        service_root: format!("{}/", root.trim_end_matches('/')).parse().unwrap(),
        credentials: vec![credential],
        plain_http: PlainHttp::default(),
    });
    let reply = transport.unwrap().send(0, &ApiRequest::get(path.to_owned())).await.unwrap();
    let said: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(reply.status, 200, "{path}: {said}");
    said
}

/// All records of a set of Business Central, from a sandbox without faults.
pub(crate) async fn records(sandbox: &Sandbox, path: &str) -> Vec<Value> {
    let lens = Dialect::named("business-central", LENS).unwrap();
    let path = format!("companies({})/{path}", sandbox.welcome().company_id);
    match get(sandbox, lens, &path).await["value"].take() {
        Value::Array(records) => records,
        other => panic!("{other}"),
    }
}

/// The default dimensions of all customers.
async fn in_customers(sandbox: &Sandbox) -> Vec<Cells> {
    let customers = records(sandbox, "customers?$select=number&$expand=defaultDimensions").await;
    let mut all = Vec::new();
    for customer in customers {
        for record in customer["defaultDimensions"].as_array().unwrap() {
            let rule = text(&record["postingValidation"]).replace("_x0020_", " ");
            all.push(vec![
                text(&customer["number"]),
                text(&record["dimensionCode"]),
                rule.trim().to_owned(),
                text(&record["dimensionValueCode"]),
            ]);
        }
    }
    all
}

/// One answer of Bigcapital, from a sandbox without faults.
async fn bigcapital(sandbox: &Sandbox, path: &str) -> Value {
    get(sandbox, Dialect::named("bigcapital", "current").unwrap(), path).await
}

/// A value as a file would say it.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string().parse::<Money>().unwrap().to_string(),
        Value::Null => String::new(),
        other => panic!("{other}"),
    }
}

/// The rows that only one side has, or has more often.
pub(crate) fn differences(mut found: Vec<Cells>, expected: Vec<Cells>) -> Vec<(&'static str, Cells)> {
    let mut missing = Vec::new();
    for row in expected {
        match found.iter().position(|cells| *cells == row) {
            Some(at) => drop(found.swap_remove(at)),
            None => missing.push(("missing", row)),
        }
    }
    missing.into_iter().chain(found.into_iter().map(|row| ("beyond", row))).collect()
}
