//! Shows what ingestion sees in documents: `t11-extract FILE…`. Each file is read in the same
//! confined child as in the service, and every chunk is printed with its place.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use t11_agents::knowledge::extractor::ExtractError;
use t11_agents::knowledge::sandbox::Request;
use t11_agents::knowledge::sniff::DocumentType;
use t11_agents::knowledge::{
    Document, Extractor, chunk, is_extraction_child, run_extraction_child,
};

fn main() -> ExitCode {
    if is_extraction_child() {
        return run_extraction_child();
    }
    match show_all() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "t11-extract: {error}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn show_all() -> std::io::Result<()> {
    let extractor = Extractor::of_this_program(1)?;
    let mut output = std::io::stdout();
    for path in std::env::args_os().skip(1).map(PathBuf::from) {
        match read(&extractor, &path).await {
            Ok(document) => show(&document, &mut output)?,
            Err(ExtractError::Rejected(rejection)) => {
                writeln!(output, "{}: {}", path.display(), rejection.code())?;
            }
            Err(ExtractError::Failed(error)) => return Err(error),
        }
    }
    Ok(())
}

async fn read(extractor: &Extractor, path: &Path) -> Result<Document, ExtractError> {
    let file_name = path.display().to_string();
    let request = Request {
        document_type: DocumentType::of_name(&file_name)?,
        file_name,
        charset: None,
        length: tokio::fs::metadata(path).await?.len(),
    };
    extractor
        .extract(&request, tokio::fs::File::open(path).await?)
        .await
}

fn show(document: &Document, output: &mut impl std::io::Write) -> std::io::Result<()> {
    writeln!(output, "# {} [{}]", document.title, document.lang.tag())?;
    for chunk in chunk::chunks(document) {
        let page = chunk
            .page
            .map(|page| format!(", page {page}"))
            .unwrap_or_default();
        writeln!(
            output,
            "\n--- {} ({}–{}{page}, {} tokens) {}\n{}",
            chunk.index,
            chunk.char_start,
            chunk.char_end,
            chunk.tokens,
            chunk.heading_path.join(" › "),
            chunk.text,
        )?;
    }
    Ok(())
}
