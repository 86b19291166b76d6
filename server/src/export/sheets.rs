//! Tables of what the boards hold, one row per thing, for spreadsheets. CSV and XLSX write the same.

use jiff::civil::Date;

/// A table.
#[derive(Clone, Debug, PartialEq)]
pub struct Sheet {
    /// For the name of a file: ASCII.
    pub key: &'static str,
    /// For people.
    pub name: String,
    /// Over the columns.
    pub columns: Vec<String>,
    /// As many cells as there are columns.
    pub rows: Vec<Vec<Value>>,
}

/// One cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Text, never a formula.
    Text(String),
    /// A day.
    Day(Date),
    /// A number.
    Number(f64),
    /// Nothing.
    Empty,
}
