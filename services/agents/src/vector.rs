//! Vectors as bytes: little-endian f32, as they are sent and stored.

/// The numbers in `bytes`; a rest of less than four bytes is none.
pub(crate) fn from_bytes(bytes: &[u8]) -> Vec<f32> {
    bytes
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        .collect()
}

/// The bytes of `values`.
pub(crate) fn to_bytes(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let values = [0.0, -1.5, f32::MAX];
        assert_eq!(from_bytes(&to_bytes(&values)), values);
    }
}
