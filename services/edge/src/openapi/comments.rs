//! The comments of the proto files.

use std::collections::HashMap;

use prost_reflect::FileDescriptor;

use crate::descriptors;

/// Leading comments, by file and by the path of the thing in it.
pub(super) struct Comments(HashMap<(String, Vec<i32>), String>);

impl Comments {
    pub(super) fn read() -> Self {
        let mut comments = HashMap::new();
        for file in descriptors::pool().file_descriptor_protos() {
            let locations = file.source_code_info.iter().flat_map(|info| &info.location);
            for location in locations {
                if let Some(text) = &location.leading_comments {
                    let key = (file.name().to_owned(), location.path.clone());
                    comments.insert(key, tidy(text));
                }
            }
        }
        Self(comments)
    }

    /// The comment above the thing at `path` in `file`; empty when there is none.
    pub(super) fn of(&self, file: &FileDescriptor, path: &[i32]) -> &str {
        self.0
            .get(&(file.name().to_owned(), path.to_vec()))
            .map_or("", String::as_str)
    }
}

/// Lines as they stand, without the space after the slashes.
fn tidy(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect();
    lines.join("\n").trim().to_owned()
}
