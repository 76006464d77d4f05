//! The descriptors of every RPC and message, as edge reads them.

use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, DynamicMessage, ExtensionDescriptor, FieldDescriptor};

static POOL: LazyLock<DescriptorPool> = LazyLock::new(decode);

#[expect(
    clippy::expect_used,
    reason = "compiled into the binary; every test reads it"
)]
fn decode() -> DescriptorPool {
    DescriptorPool::decode(t11_proto::FILE_DESCRIPTOR_SET).expect("protox wrote the descriptors")
}

/// Everything in `proto/`.
pub(crate) fn pool() -> &'static DescriptorPool {
    &POOL
}

/// How a client must treat a field (`google.api.field_behavior`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Behavior {
    pub(crate) required: bool,
    /// Set by the service only; what a client sends there is ignored (AIP-203).
    pub(crate) output_only: bool,
    pub(crate) identifier: bool,
}

/// Reads the behaviour of `field`.
pub(crate) fn behavior(field: &FieldDescriptor) -> Behavior {
    /// `REQUIRED`, `OUTPUT_ONLY` and `IDENTIFIER` of google/api/field_behavior.proto.
    const NUMBERS: [i32; 3] = [2, 3, 8];
    let Some(extension) = extension("google.api.field_behavior") else {
        return Behavior::default();
    };
    let options = field.options();
    let value = options.get_extension(&extension);
    let numbers: Vec<i32> = value
        .as_list()
        .unwrap_or_default()
        .iter()
        .filter_map(prost_reflect::Value::as_enum_number)
        .collect();
    let [required, output_only, identifier] = NUMBERS.map(|number| numbers.contains(&number));
    Behavior {
        required,
        output_only,
        identifier,
    }
}

/// An option declared in `proto/`, by its full name.
pub(crate) fn extension(name: &str) -> Option<ExtensionDescriptor> {
    pool().get_extension_by_name(name)
}

/// The text of a string field; empty when there is none.
pub(crate) fn text(message: &DynamicMessage, field: &str) -> String {
    message
        .get_field_by_name(field)
        .and_then(|value| value.as_str().map(ToOwned::to_owned))
        .unwrap_or_default()
}
