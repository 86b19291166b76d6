//! Tables as an Excel workbook: a sheet each, with filters, frozen headers and real dates. Text of a
//! board is written as text: it is no formula, whatever it begins with.

use crate::export::ExportError;
use crate::export::document::Document;
use crate::export::sheets::{Sheet, Value};
use crate::export::text::visible;
use jiff::civil::Date;
use rust_xlsxwriter::{
    DocProperties, ExcelDateTime, Format, FormatAlign, FormatBorder, Workbook, Worksheet, XlsxError,
};

/// Characters that Excel takes in one cell, and some room.
const CELL_CHARS_MAX: usize = 32_000;
/// The first year that a date of Excel can have.
const FIRST_YEAR: i16 = 1900;

impl From<XlsxError> for ExportError {
    fn from(error: XlsxError) -> Self {
        Self::new(&error)
    }
}

/// The whole file. Adds to `replaced` how many characters were replaced by a visible sign.
///
/// # Errors
/// Where the workbook cannot be written.
pub fn write(
    document: &Document,
    sheets: &[Sheet],
    replaced: &mut usize,
) -> Result<Vec<u8>, ExportError> {
    let mut workbook = Workbook::new();
    // The day of the event, not of the export: the same content is the same file.
    let mut properties = DocProperties::new().set_title(&document.title).set_author("Sangam");
    if let Some(date) = excel_date(document.date) {
        properties = properties.set_creation_datetime(&date);
    }
    workbook.set_properties(&properties);
    for sheet in sheets {
        fill(workbook.add_worksheet(), sheet, replaced)?;
    }
    Ok(workbook.save_to_buffer()?)
}

fn fill(page: &mut Worksheet, sheet: &Sheet, replaced: &mut usize) -> Result<(), ExportError> {
    let plain = Format::new().set_text_wrap().set_align(FormatAlign::Top);
    let day = Format::new().set_align(FormatAlign::Top).set_num_format("yyyy-mm-dd");
    let head = Format::new()
        .set_bold()
        .set_text_wrap()
        .set_background_color(0x00DC_ECEE)
        .set_border_bottom(FormatBorder::Thin);
    page.set_name(&sheet.name)?;
    page.set_landscape();
    page.set_print_fit_to_pages(1, 0);
    page.set_freeze_panes(1, 0)?;
    page.set_repeat_rows(0, 0)?;
    for (n, column) in (0u16..).zip(&sheet.columns) {
        page.write_string_with_format(0, n, column, &head)?;
        page.set_column_width(n, width(sheet, usize::from(n)))?;
    }
    let mut at = 1;
    for row in &sheet.rows {
        // Text that is too long for a cell goes on below it.
        let mut height = 1;
        for (n, value) in (0u16..).zip(row) {
            match value {
                Value::Empty => {}
                Value::Number(number) => {
                    page.write_number_with_format(at, n, *number, &plain)?;
                }
                Value::Day(date) => match excel_date(*date) {
                    Some(date) => {
                        page.write_datetime_with_format(at, n, &date, &day)?;
                    }
                    None => {
                        page.write_string_with_format(at, n, date.to_string(), &plain)?;
                    }
                },
                Value::Text(text) => {
                    let mut text = text.clone();
                    visible(&mut text, replaced);
                    let parts = parts(&text);
                    for (below, part) in (0u32..).zip(&parts) {
                        page.write_string_with_format(at + below, n, part, &plain)?;
                        height = height.max(below + 1);
                    }
                }
            }
        }
        at += height;
    }
    if at > 1 && !sheet.columns.is_empty() {
        let last = u16::try_from(sheet.columns.len() - 1).map_err(|e| ExportError::new(&e))?;
        page.autofilter(0, 0, at - 1, last)?;
    }
    Ok(())
}

/// Wide for prose, narrow for codes and days.
fn width(sheet: &Sheet, column: usize) -> f64 {
    let longest = sheet.rows.iter().filter_map(|row| match row.get(column) {
        Some(Value::Text(text)) => Some(text.chars().take(60).count()),
        Some(Value::Day(_)) => Some(10),
        _ => None,
    });
    let head = sheet.columns[column].chars().count().min(18);
    let widest = longest.max().unwrap_or(0).max(head);
    match widest {
        0..=8 => 10.0,
        9..=20 => 18.0,
        21..=40 => 30.0,
        _ => 48.0,
    }
}

fn excel_date(date: Date) -> Option<ExcelDateTime> {
    if date.year() < FIRST_YEAR {
        return None;
    }
    let part = |n: i8| u8::try_from(n).ok();
    let year = u16::try_from(date.year()).ok()?;
    ExcelDateTime::from_ymd(year, part(date.month())?, part(date.day())?).ok()
}

fn parts(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut units = 0;
    for c in text.chars() {
        if units + c.len_utf16() > CELL_CHARS_MAX {
            parts.push(String::new());
            units = 0;
        }
        units += c.len_utf16();
        parts.last_mut().expect("there is one from the start").push(c);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_for_a_cell_is_cut_between_characters() {
        let text = "é".repeat(CELL_CHARS_MAX) + "👩";
        assert_eq!(parts(&text).concat(), text);
        assert_eq!(parts(&text).len(), 2);
    }
}
