//! Rows per second of the check stage, beside the bare `csv` crate reading the same file.
//!
//! `cargo bench --bench check`

use std::convert::Infallible;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use divan::Bencher;
use divan::counter::ItemsCount;
use ledgerferry::catalogue::business_central_v2::CUSTOMERS;
use ledgerferry::domain::EntityKind;
use ledgerferry::mapping::Binding;
use ledgerferry::run::{CheckOptions, CheckedCounts, check_file};
use ledgerferry::source::{Source, SourceOptions};
use tempfile::NamedTempFile;

const ROWS: u64 = 200_000;

fn main() {
    divan::main();
}

/// Customers of 20 columns and some 260 bytes, as companies have them.
fn customers() -> NamedTempFile {
    let mut text =
        "number,displayName,type,addressLine1,addressLine2,city,state,country,postalCode,phoneNumber,\
                    email,website,salespersonCode,creditLimit,taxLiable,taxRegistrationNumber,currencyCode,\
                    paymentTermsId,paymentMethodId,blocked\n"
            .to_owned();
    for row in 1..=ROWS {
        let name = match row % 40 {
            0 => "\"Summit, Lumber & Söhne\"",
            _ => "Northwind Engineering GmbH",
        };
        let street = row % 9999;
        writeln!(
            text,
            "C{row:08},{name},Company,{street} Bahnhof straße,\"Bldg. {street}, Gate B\",München,Bayern,DE,80331,\
             +49 089 123 {street},info.{row}@northwind.mail.example.co.uk,https://www.northwind.example/{street},\
             JO,{street}.50,true,DE{row:09},EUR,9a989360-4466-49b8-afc5-2007f15124ed,\
             01eab141-a7d7-484c-a99b-4626cf4a2479,"
        )
        .expect("a string takes every text");
    }
    let mut file = NamedTempFile::new().expect("the temporary folder takes a file");
    file.write_all(text.as_bytes()).expect("the temporary folder takes a file");
    file
}

fn check(path: &Path) -> CheckedCounts {
    let source = Source::open(path, &SourceOptions::default()).expect("the file has a header");
    let binding = Binding::bind(source.headers(), EntityKind::Customers, &CUSTOMERS, None)
        .expect("every header is the name of a field");
    check_file::<Infallible>(source, &binding, &CheckOptions::default(), |_| Ok(()))
        .expect("the file is a table")
}

#[divan::bench(sample_count = 20)]
fn check_customers(bencher: Bencher<'_, '_>) {
    let file = customers();
    bencher.counter(ItemsCount::new(ROWS)).bench(|| check(file.path()));
}

#[divan::bench(sample_count = 20)]
fn bare_csv_read(bencher: Bencher<'_, '_>) {
    let file = customers();
    bencher.counter(ItemsCount::new(ROWS)).bench(|| {
        let mut reader = csv::ReaderBuilder::new()
            .buffer_capacity(1 << 20)
            .from_path(file.path())
            .expect("the file was just written");
        let mut record = csv::ByteRecord::new();
        let mut rows = 0u64;
        while reader.read_byte_record(&mut record).expect("the file is a table") {
            rows += 1;
        }
        rows
    });
}
