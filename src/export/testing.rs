//! What the tests of several writers need.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use super::RowWriter;
use super::columns::{Column, ExportEntity, Layout, Place};
use super::decode::Cell;
use super::output::{Measured, Sink};

/// Columns with these names, whichever entity has them.
pub(crate) fn columns(names: &[&str]) -> Vec<Column> {
    let expand = ["financials".to_owned()];
    let all: Vec<_> = [
        Layout::new(crate::catalogue::DIALECTS[0], ExportEntity::Customers, &[], &expand).unwrap(),
        Layout::new(crate::catalogue::DIALECTS[0], ExportEntity::Payments, &[], &[]).unwrap(),
    ]
    .into_iter()
    .flat_map(|layout| layout.columns)
    .filter(|column| column.place != Place::Journal)
    .collect();
    names.iter().map(|name| *all.iter().find(|column| column.name == *name).unwrap()).collect()
}

/// A stream whose bytes can be looked at afterwards.
#[derive(Clone, Default)]
pub(crate) struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a writer makes of these rows.
pub(super) fn written(
    rows: &[Vec<Cell<'_>>],
    writer: impl FnOnce(Measured) -> Box<dyn RowWriter>,
) -> Vec<u8> {
    let shared = Shared::default();
    let mut writer = writer(Measured::new(Sink::Stream(Box::new(shared.clone()))));
    for row in rows {
        writer.write_row(row).unwrap();
    }
    let sealed = writer.finish().unwrap();
    let bytes = shared.bytes();
    assert_eq!(sealed.bytes, bytes.len() as u64);
    bytes
}
