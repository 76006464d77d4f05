//! Reading one source file: error types, their messages, and how `Fault` is implemented for them.

use std::collections::BTreeMap;

use syn::visit::{self, Visit};
use syn::{
    Attribute, Expr, ExprPath, File, ImplItem, Item, ItemFn, ItemImpl, Lit, LitStr, Pat, Stmt, Type,
};

use super::{Reason, Reasons};

/// A match arm's variants; no variant for `_` and for a body that does not match.
const ANY: &str = "_";

pub(super) fn reasons(file: &File) -> Reasons {
    let messages = messages(&file.items);
    let mut reasons = Reasons::new();
    for item in &file.items {
        if let Item::Impl(implementation) = item
            && is_fault(implementation)
        {
            reasons.extend(reasons_of(implementation, file, &messages));
        }
    }
    reasons
}

fn is_fault(implementation: &ItemImpl) -> bool {
    let last = |path: &syn::Path| {
        path.segments
            .last()
            .is_some_and(|last| last.ident == "Fault")
    };
    implementation
        .trait_
        .as_ref()
        .is_some_and(|(_, path, _)| last(path))
}

fn reasons_of(
    implementation: &ItemImpl,
    file: &File,
    messages: &BTreeMap<(String, String), String>,
) -> Reasons {
    let owner = type_name(&implementation.self_ty);
    let kinds = arms(implementation, "kind");
    let mut reasons = Reasons::new();
    for (variant, body) in arms(implementation, "reason") {
        let kind = kinds.iter().find(|(name, _)| *name == variant);
        let kind = kind.or_else(|| kinds.iter().find(|(name, _)| name == ANY));
        let kind = kind.and_then(|(_, body)| kind_in(body)).unwrap_or_default();
        let message = messages
            .get(&(owner.clone(), variant))
            .cloned()
            .unwrap_or_default();
        for reason in literals(body, file) {
            reasons.insert(
                reason,
                Reason {
                    kind: kind.clone(),
                    message: message.clone(),
                },
            );
        }
    }
    reasons
}

/// What the method `name` gives for each variant.
fn arms<'a>(implementation: &'a ItemImpl, name: &str) -> Vec<(String, &'a Expr)> {
    let method = implementation.items.iter().find_map(|item| match item {
        ImplItem::Fn(method) if method.sig.ident == name => Some(method),
        _ => None,
    });
    let Some(Stmt::Expr(body, None)) = method.and_then(|method| method.block.stmts.last()) else {
        return Vec::new();
    };
    let Expr::Match(matching) = body else {
        return vec![(ANY.to_owned(), body)];
    };
    let arms = matching.arms.iter();
    arms.flat_map(|arm| {
        variants(&arm.pat)
            .into_iter()
            .map(|name| (name, &*arm.body))
    })
    .collect()
}

fn variants(pattern: &Pat) -> Vec<String> {
    let path = match pattern {
        Pat::Or(or) => return or.cases.iter().flat_map(variants).collect(),
        Pat::Path(ExprPath { path, .. }) => path,
        Pat::TupleStruct(tuple) => &tuple.path,
        Pat::Struct(fields) => &fields.path,
        _ => return vec![ANY.to_owned()],
    };
    path.segments
        .last()
        .map(|last| last.ident.to_string())
        .into_iter()
        .collect()
}

/// The `FaultKind::…` that an expression names.
fn kind_in(body: &Expr) -> Option<String> {
    struct Kinds(Option<String>);
    impl Visit<'_> for Kinds {
        fn visit_path(&mut self, path: &syn::Path) {
            let mut names = path.segments.iter().rev().map(|segment| &segment.ident);
            if let (Some(kind), Some(owner)) = (names.next(), names.next())
                && owner == "FaultKind"
            {
                self.0.get_or_insert_with(|| kind.to_string());
            }
        }
    }
    let mut kinds = Kinds(None);
    kinds.visit_expr(body);
    kinds.0
}

/// The `UPPER_SNAKE` strings of an expression and of the functions of the same file that it calls.
fn literals(body: &Expr, file: &File) -> Vec<String> {
    struct Literals<'a> {
        found: Vec<String>,
        file: &'a File,
    }
    impl<'a> Visit<'a> for Literals<'a> {
        fn visit_lit_str(&mut self, literal: &'a LitStr) {
            let text = literal.value();
            if is_reason(&text) {
                self.found.push(text);
            }
        }
        fn visit_expr_call(&mut self, call: &'a syn::ExprCall) {
            if let Expr::Path(ExprPath { path, .. }) = &*call.func
                && let Some(called) = path.get_ident().and_then(|name| function(self.file, name))
            {
                self.visit_item_fn(called);
            }
            visit::visit_expr_call(self, call);
        }
    }
    let mut literals = Literals {
        found: Vec::new(),
        file,
    };
    literals.visit_expr(body);
    literals.found
}

fn function<'a>(file: &'a File, name: &syn::Ident) -> Option<&'a ItemFn> {
    file.items.iter().find_map(|item| match item {
        Item::Fn(function) if function.sig.ident == *name => Some(function),
        _ => None,
    })
}

fn is_reason(text: &str) -> bool {
    text.len() > 2
        && text
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// The messages of thiserror, by type and variant.
fn messages(items: &[Item]) -> BTreeMap<(String, String), String> {
    let mut messages = BTreeMap::new();
    for item in items {
        match item {
            Item::Enum(errors) => {
                for variant in &errors.variants {
                    let key = (errors.ident.to_string(), variant.ident.to_string());
                    messages.extend(message(&variant.attrs).map(|message| (key, message)));
                }
            }
            Item::Struct(error) => {
                let key = (error.ident.to_string(), ANY.to_owned());
                messages.extend(message(&error.attrs).map(|message| (key, message)));
            }
            _ => {}
        }
    }
    messages
}

fn message(attributes: &[Attribute]) -> Option<String> {
    let attribute = attributes
        .iter()
        .find(|attribute| attribute.path().is_ident("error"))?;
    let literal = attribute.parse_args_with(|input: syn::parse::ParseStream<'_>| {
        let literal: Lit = input.parse()?;
        // What follows are the values of the message.
        input.parse::<proc_macro2::TokenStream>()?;
        Ok(literal)
    });
    let template = super::string(&literal.ok()?)?;
    Some(without_values(&template).replace('|', "\\|"))
}

/// `at most {limit} bytes` → `at most … bytes`.
fn without_values(template: &str) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        text.push('…');
        rest = after.split_once('}').map_or("", |(_, rest)| rest);
    }
    text + rest
}

fn type_name(of: &Type) -> String {
    match of {
        Type::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()),
        _ => None,
    }
    .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(source: &str) -> Vec<(String, String, String)> {
        let reasons = reasons(&syn::parse_file(source).unwrap());
        reasons
            .into_iter()
            .map(|(name, reason)| (name, reason.kind, reason.message))
            .collect()
    }

    fn row(name: &str, kind: &str, message: &str) -> (String, String, String) {
        (name.to_owned(), kind.to_owned(), message.to_owned())
    }

    #[test]
    fn variants_are_matched_with_their_kinds_and_messages() {
        let source = r#"
            enum Error {
                #[error("longer than {limit} bytes")]
                TooLong { limit: usize },
                #[error("too many: {}", .0.len())]
                Many(Vec<u8>),
                #[error(transparent)]
                Inner(Other),
            }
            impl Fault for Error {
                fn kind(&self) -> FaultKind {
                    match self {
                        Self::TooLong { .. } | Self::Many(_) => FaultKind::Invalid,
                        Self::Inner(other) => other.kind(),
                    }
                }
                fn reason(&self) -> &str {
                    match self {
                        Self::TooLong { .. } => "TOO_LONG",
                        Self::Many(_) => many_reason(),
                        _ => self.inner().map_or("INTERNAL", Fault::reason),
                    }
                }
            }
            fn many_reason() -> &'static str { "TOO_MANY" }
        "#;
        assert_eq!(
            rows(source),
            [
                row("INTERNAL", "", ""),
                row("TOO_LONG", "Invalid", "longer than … bytes"),
                row("TOO_MANY", "Invalid", "too many: …"),
            ]
        );
    }

    #[test]
    fn a_type_of_one_reason_is_read_too() {
        let source = r#"
            #[error("the call has no caller")]
            struct NoCaller;
            impl t11_core::Fault for NoCaller {
                fn kind(&self) -> FaultKind { FaultKind::Unauthenticated }
                fn reason(&self) -> &'static str { "CALLER_MISSING" }
            }
        "#;
        assert_eq!(
            rows(source),
            [row(
                "CALLER_MISSING",
                "Unauthenticated",
                "the call has no caller"
            )]
        );
    }

    #[test]
    fn other_implementations_say_nothing() {
        assert!(
            rows("impl Display for Error { fn reason(&self) -> &str { \"NOT_THIS\" } }").is_empty()
        );
    }
}
