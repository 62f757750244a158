//! The whole program, `ferry validate FILE`, beside the bare reader of the same file: wall time and ratio.
//!
//! `cargo bench --bench validate` makes its own files: customers of 20 columns and some 260 bytes, a million and
//! a hundred thousand of them as CSV and a hundred thousand as XLSX. `cargo bench --bench validate -- FILE…`
//! takes yours. Each round runs both, so that whatever else the machine does befalls both.

use std::env;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use calamine::{Reader, Xlsx};
use rust_xlsxwriter::Workbook;
use tempfile::TempDir;

/// Odd, so that the median is one of them.
const ROUNDS: usize = 7;

const HEADERS: [&str; 20] = [
    "number",
    "displayName",
    "type",
    "addressLine1",
    "addressLine2",
    "city",
    "state",
    "country",
    "postalCode",
    "phoneNumber",
    "email",
    "website",
    "salespersonCode",
    "creditLimit",
    "taxLiable",
    "taxRegistrationNumber",
    "currencyCode",
    "paymentTermsId",
    "paymentMethodId",
    "blocked",
];

fn cells(row: u32) -> [String; 20] {
    let street = row % 9_999;
    let name = if row.is_multiple_of(40) { "Summit, Lumber & Söhne" } else { "Northwind Engineering GmbH" };
    [
        format!("C{row:08}"),
        name.to_owned(),
        "Company".to_owned(),
        format!("{street} Bahnhof straße"),
        if row.is_multiple_of(3) { format!("Bldg. {street}, Gate B") } else { String::new() },
        "München".to_owned(),
        "Bayern".to_owned(),
        "DE".to_owned(),
        "80331".to_owned(),
        format!("+49 089 123 {street}"),
        format!("info.{row}@northwind.mail.example.co.uk"),
        format!("https://www.northwind.example/{street}"),
        "JO".to_owned(),
        format!("{street}.50"),
        "true".to_owned(),
        format!("DE{row:09}"),
        "EUR".to_owned(),
        "9a989360-4466-49b8-afc5-2007f15124ed".to_owned(),
        "01eab141-a7d7-484c-a99b-4626cf4a2479".to_owned(),
        String::new(),
    ]
}

fn write_csv(path: PathBuf, rows: u32) -> PathBuf {
    let file = File::create(&path).expect("the temporary folder takes a file");
    let mut writer = csv::Writer::from_writer(BufWriter::new(file));
    writer.write_record(HEADERS).expect("the temporary folder takes a file");
    for row in 1..=rows {
        writer.write_record(cells(row)).expect("the temporary folder takes a file");
    }
    writer.flush().expect("the temporary folder takes a file");
    path
}

fn write_xlsx(path: PathBuf, rows: u32) -> PathBuf {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet_with_constant_memory().expect("a workbook takes a sheet");
    for (row, line) in std::iter::once(HEADERS.map(str::to_owned)).chain((1..=rows).map(cells)).enumerate() {
        let row = u32::try_from(row).expect("a sheet has fewer rows");
        for (column, cell) in (0u16..).zip(line) {
            sheet.write_string(row, column, cell).expect("the sheet has room");
        }
    }
    book.save(&path).expect("the temporary folder takes a file");
    path
}

/// Reads the file to its end with nothing around the library.
fn bare(path: &Path) -> Duration {
    let start = Instant::now();
    if path.extension().is_some_and(|extension| extension == "xlsx") {
        let mut book: Xlsx<_> = calamine::open_workbook(path).expect("the file is a workbook");
        let sheet = book.sheet_names()[0].clone();
        let mut cells = book.worksheet_cells_reader(&sheet).expect("the first sheet is a table");
        while cells.next_cell().expect("the sheet is whole").is_some() {}
    } else {
        let reader = csv::ReaderBuilder::new().buffer_capacity(1 << 20).from_path(path);
        let (mut reader, mut record) = (reader.expect("the file is there"), csv::ByteRecord::new());
        while reader.read_byte_record(&mut record).expect("the file is a table") {}
    }
    start.elapsed()
}

/// Runs the program on the file, and says how long it took.
fn validate(path: &Path, out: &Path) -> Duration {
    let start = Instant::now();
    let status = Command::new(env!("CARGO_BIN_EXE_ferry"))
        .arg("validate")
        .arg(path)
        .arg("--out")
        .arg(out)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("the program was built");
    assert!(matches!(status.code(), Some(0 | 4)), "{status}");
    start.elapsed()
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn main() {
    let folder = TempDir::new().expect("a temporary folder can be made");
    let mut files: Vec<PathBuf> =
        env::args().skip(1).filter(|file| !file.starts_with('-')).map(PathBuf::from).collect();
    if files.is_empty() {
        files = vec![
            write_csv(folder.path().join("1m.csv"), 1_000_000),
            write_csv(folder.path().join("100k.csv"), 100_000),
            write_xlsx(folder.path().join("100k.xlsx"), 100_000),
        ];
    }
    let out = folder.path().join("out");
    let mut table = BufWriter::new(std::io::stdout());
    let mut line =
        |text: String| writeln!(table, "{text}").and_then(|()| table.flush()).expect("somebody reads");
    line("| file | bare reader | ferry validate | ratio |\n|---|---|---|---|".to_owned());
    for file in files {
        bare(&file);
        let rounds: Vec<_> =
            (0..ROUNDS).map(|_| (bare(&file).as_secs_f64(), validate(&file, &out).as_secs_f64())).collect();
        let ratio = median(rounds.iter().map(|(bare, whole)| whole / bare).collect());
        let (bare, whole): (Vec<_>, Vec<_>) = rounds.into_iter().unzip();
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        line(format!("| {name} | {:.3} s | {:.3} s | {ratio:.2} |", median(bare), median(whole)));
    }
}
