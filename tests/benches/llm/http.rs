//! HTTP/1.1 as little as the load and the mock need: cheaper than a client, so that the core they
//! share is not what is measured.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Reads one message after the other from a connection.
pub(crate) struct Reader {
    /// What has come and was not taken.
    buffer: Vec<u8>,
    taken: usize,
}

/// A message's first line and headers.
pub(crate) struct Head {
    pub(crate) text: String,
}

impl Head {
    pub(crate) fn length(&self) -> Option<usize> {
        self.header("content-length")?.parse().ok()
    }

    pub(crate) fn is_chunked(&self) -> bool {
        self.header("transfer-encoding")
            .is_some_and(|value| value.contains("chunked"))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.text.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

impl Reader {
    pub(crate) fn new() -> Self {
        Self {
            buffer: Vec::with_capacity(64 * 1024),
            taken: 0,
        }
    }

    /// The next head; `None` at the end of the connection.
    pub(crate) async fn head(
        &mut self,
        from: &mut (impl AsyncRead + Unpin),
    ) -> io::Result<Option<Head>> {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        loop {
            if let Some(end) = memchr::memmem::find(&self.buffer, b"\r\n\r\n") {
                self.taken = end + 4;
                let text = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
                return Ok(Some(Head { text }));
            }
            if !self.more(from).await? {
                return Ok(None);
            }
        }
    }

    /// So many bytes of a body.
    pub(crate) async fn take(
        &mut self,
        from: &mut (impl AsyncRead + Unpin),
        length: usize,
    ) -> io::Result<&[u8]> {
        while self.buffer.len() - self.taken < length {
            self.must_come(from).await?;
        }
        self.taken += length;
        Ok(&self.buffer[self.taken - length..self.taken])
    }

    /// The next piece of a chunked body; `None` at its end.
    pub(crate) async fn chunk(
        &mut self,
        from: &mut (impl AsyncRead + Unpin),
    ) -> io::Result<Option<&[u8]>> {
        let end = loop {
            match memchr::memchr(b'\n', &self.buffer[self.taken..]) {
                Some(end) => break end,
                None => self.must_come(from).await?,
            }
        };
        let line = String::from_utf8_lossy(&self.buffer[self.taken..self.taken + end]);
        let size = line.split(';').next().unwrap_or_default();
        let size = usize::from_str_radix(size.trim(), 16).map_err(io::Error::other)?;
        self.taken += end + 1;
        let framed = self.take(from, size + 2).await?;
        Ok((size > 0).then(|| &framed[..size]))
    }

    async fn must_come(&mut self, from: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
        match self.more(from).await? {
            true => Ok(()),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    async fn more(&mut self, from: &mut (impl AsyncRead + Unpin)) -> io::Result<bool> {
        Ok(from.read_buf(&mut self.buffer).await? > 0)
    }
}
