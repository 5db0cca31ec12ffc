//! Tables of text.

/// The cells of a line.
pub(super) type Row = Vec<String>;

/// A table with aligned columns; the last one is as wide as it is.
pub(super) fn table(head: &[String], rows: &[Row]) -> String {
    let mut widths: Vec<usize> = head.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for row in std::iter::once(head).chain(rows.iter().map(Vec::as_slice)) {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line += &format!("{cell:width$}  ");
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// The same in Markdown.
pub(super) fn markdown(head: &[String], rows: &[Row]) -> String {
    let line = |row: &[String]| format!("| {} |\n", row.join(" | "));
    let rule = vec![String::from("---"); head.len()];
    let mut text = line(head) + &line(&rule);
    text.extend(rows.iter().map(|row| line(row)));
    text
}
