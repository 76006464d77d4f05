//! Tables as files for spreadsheets.

/// Quoted; a leading `=`, `+`, `-` or `@` is kept from being run as a formula.
pub(crate) fn cell(cell: &str) -> String {
    let guard = if cell.starts_with(['=', '+', '-', '@']) {
        "'"
    } else {
        ""
    };
    format!("\"{guard}{}\"", cell.replace('"', "\"\""))
}
