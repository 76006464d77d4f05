//! Taking a file in: streamed to the bucket while it is hashed and checked, and a row only when
//! it is whole.

use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use object_store::ObjectStore;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use sha2::{Digest as _, Sha256};
use t11_core::OrgScope;
use tokio::io::AsyncWriteExt as _;
use uuid::Uuid;

use crate::Error;
use crate::knowledge::sniff::{self, DocumentType};

/// Bytes looked at to tell a file's type.
const HEAD: usize = 8 * 1024;

/// A file that lies in the bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) path: String,
    pub(crate) size: u64,
    /// Hexadecimal.
    pub(crate) sha256: String,
    pub(crate) document_type: DocumentType,
}

/// Where files are taken in.
pub(crate) struct Uploads {
    pub(crate) assets: Arc<dyn ObjectStore>,
    /// Bytes of a file at most.
    pub(crate) max_bytes: u64,
}

impl Uploads {
    /// Stores the file `name` of `id`. With `announced` its length must be that.
    ///
    /// # Errors
    /// [`Error::File`] when the file is refused, `stream`'s own error when it breaks off; nothing
    /// of the file stays in the bucket then.
    pub(crate) async fn store<S>(
        &self,
        scope: &OrgScope,
        id: Uuid,
        name: &str,
        announced: Option<u64>,
        stream: S,
    ) -> Result<Stored, Error>
    where
        S: Stream<Item = Result<Bytes, Error>> + Unpin,
    {
        let document_type = DocumentType::of_name(name).map_err(Error::File)?;
        let path = format!(
            "org/{}/sources/{id}.{}",
            scope.org(),
            document_type.extension()
        );
        let mut writer = BufWriter::new(self.assets.clone(), Path::from(path.as_str()));
        match self
            .copy(document_type, announced, stream, &mut writer)
            .await
        {
            Ok((size, sha256)) => {
                writer.shutdown().await.map_err(Error::Bucket)?;
                Ok(Stored {
                    path,
                    size,
                    sha256,
                    document_type,
                })
            }
            Err(error) => {
                if let Err(abort) = writer.abort().await {
                    tracing::warn!(error = %abort, %path, "part of a refused file may stay");
                }
                Err(error)
            }
        }
    }

    async fn copy<S>(
        &self,
        document_type: DocumentType,
        announced: Option<u64>,
        mut stream: S,
        writer: &mut BufWriter,
    ) -> Result<(u64, String), Error>
    where
        S: Stream<Item = Result<Bytes, Error>> + Unpin,
    {
        use crate::knowledge::Rejection;
        let (mut size, mut hash, mut head) = (0_u64, Sha256::new(), Vec::with_capacity(HEAD));
        let mut checked = false;
        while let Some(piece) = stream.next().await {
            let piece = piece?;
            size += piece.len() as u64;
            if size > self.max_bytes {
                return Err(Error::File(Rejection::TooBig));
            }
            if !checked {
                head.extend_from_slice(&piece[..piece.len().min(HEAD - head.len())]);
                if head.len() == HEAD {
                    sniff::head(document_type, &head).map_err(Error::File)?;
                    checked = true;
                }
            }
            hash.update(&piece);
            writer
                .put(piece)
                .await
                .map_err(|error| Error::Bucket(error.into()))?;
        }
        if size == 0 {
            return Err(Error::File(Rejection::Empty));
        }
        if announced.is_some_and(|announced| announced != size) {
            return Err(Error::FileTruncated);
        }
        if !checked {
            sniff::head(document_type, &head).map_err(Error::File)?;
        }
        let digest = hash.finalize();
        Ok((
            size,
            digest.iter().map(|byte| format!("{byte:02x}")).collect(),
        ))
    }
}
