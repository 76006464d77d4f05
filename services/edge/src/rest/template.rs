//! Path templates of `google.api.http` (google/api/http.proto, "Path template syntax").

use percent_encoding::percent_decode_str;

use crate::error::Error;

/// One part of a path. The order of the variants is the order of trying: literal before wildcard.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Segment {
    Literal(String),
    /// `*`: exactly one segment.
    One,
    /// `**`: all that is left, also nothing; only at the end.
    Rest,
}

/// A part of the path that goes into a field: `{agent.name=agents/*}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Variable {
    /// `["agent", "name"]`.
    pub(crate) fields: Vec<String>,
    start: usize,
    end: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    /// As written in the proto.
    pub(crate) text: String,
    /// Templates with the same shape are one path with several methods.
    pub(crate) shape: Shape,
    pub(crate) variables: Vec<Variable>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Shape {
    pub(crate) segments: Vec<Segment>,
    /// `copy` of `…:copy`.
    pub(crate) verb: Option<String>,
}

/// A request's path, split but not yet decoded.
#[derive(Debug)]
pub(crate) struct Path<'a> {
    segments: Vec<&'a str>,
    verb: Option<&'a str>,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a path template")]
pub(crate) struct BadTemplate(String);

impl<'a> Path<'a> {
    /// `None` for a path that does not start with a slash.
    pub(crate) fn split(path: &'a str) -> Option<Self> {
        let mut segments: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        let last = segments.last_mut()?;
        // No id of ours holds a colon, so a colon always begins a verb.
        let verb = last.rsplit_once(':').map(|(stem, verb)| {
            *last = stem;
            verb
        });
        Some(Self { segments, verb })
    }
}

impl Shape {
    pub(crate) fn matches(&self, path: &Path<'_>) -> bool {
        let open = self.segments.last() == Some(&Segment::Rest);
        let fixed = self.segments.len() - usize::from(open);
        let fits = if open {
            path.segments.len() >= fixed
        } else {
            path.segments.len() == fixed
        };
        fits && self.verb.as_deref() == path.verb
            && self
                .segments
                .iter()
                .zip(&path.segments)
                .all(|(segment, given)| match segment {
                    Segment::Literal(literal) => literal == given,
                    Segment::One => !given.is_empty(),
                    Segment::Rest => true,
                })
    }
}

impl Template {
    /// # Errors
    /// [`BadTemplate`] when the text breaks the grammar.
    pub(crate) fn parse(text: &str) -> Result<Self, BadTemplate> {
        let bad = || BadTemplate(text.to_owned());
        let (path, verb) = match text.rsplit_once(':') {
            Some((path, verb)) => (path, Some(verb.to_owned())),
            None => (text, None),
        };
        let mut parser = Parser {
            segments: Vec::new(),
            variables: Vec::new(),
        };
        let mut rest = path.strip_prefix('/').ok_or_else(bad)?;
        loop {
            rest = parser.part(rest).ok_or_else(bad)?;
            match rest.strip_prefix('/') {
                Some(more) => rest = more,
                None if rest.is_empty() => break,
                None => return Err(bad()),
            }
        }
        let Parser {
            segments,
            variables,
        } = parser;
        let early_rest = segments
            .iter()
            .rev()
            .skip(1)
            .any(|segment| *segment == Segment::Rest);
        if early_rest || verb.as_deref() == Some("") {
            return Err(bad());
        }
        let shape = Shape { segments, verb };
        Ok(Self {
            text: text.to_owned(),
            shape,
            variables,
        })
    }

    /// The value of each variable, decoded.
    ///
    /// # Errors
    /// [`Error::PathInvalid`] for a segment that decodes to something with a slash, a control
    /// character or broken UTF-8: such a name exists nowhere, and must not be read as another one.
    pub(crate) fn capture<'t>(
        &'t self,
        path: &Path<'_>,
    ) -> Result<Vec<(&'t [String], String)>, Error> {
        self.variables
            .iter()
            .map(|variable| {
                let open = self.shape.segments.get(variable.end - 1) == Some(&Segment::Rest);
                let end = if open {
                    path.segments.len()
                } else {
                    variable.end
                };
                let parts: Result<Vec<_>, _> = path.segments[variable.start..end]
                    .iter()
                    .map(|part| decode(part))
                    .collect();
                Ok((variable.fields.as_slice(), parts?.join("/")))
            })
            .collect()
    }
}

struct Parser {
    segments: Vec<Segment>,
    variables: Vec<Variable>,
}

impl Parser {
    /// Takes one variable or one segment off the front.
    fn part<'t>(&mut self, text: &'t str) -> Option<&'t str> {
        let Some(inner) = text.strip_prefix('{') else {
            let end = text.find('/').unwrap_or(text.len());
            self.segment(&text[..end])?;
            return Some(&text[end..]);
        };
        let (inner, rest) = inner.split_once('}')?;
        let (fields, pattern) = inner.split_once('=').unwrap_or((inner, "*"));
        let start = self.segments.len();
        for segment in pattern.split('/') {
            self.segment(segment)?;
        }
        let fields: Vec<String> = fields.split('.').map(ToOwned::to_owned).collect();
        if fields.iter().any(String::is_empty) {
            return None;
        }
        self.variables.push(Variable {
            fields,
            start,
            end: self.segments.len(),
        });
        Some(rest)
    }

    fn segment(&mut self, text: &str) -> Option<()> {
        self.segments.push(match text {
            "*" => Segment::One,
            "**" => Segment::Rest,
            "" => return None,
            literal if literal.contains(['{', '}', '*', '=']) => return None,
            literal => Segment::Literal(literal.to_owned()),
        });
        Some(())
    }
}

fn decode(segment: &str) -> Result<String, Error> {
    let text = percent_decode_str(segment)
        .decode_utf8()
        .map_err(|_| Error::PathInvalid)?;
    if text.contains(|c: char| c == '/' || c == '\\' || c.is_control()) {
        return Err(Error::PathInvalid);
    }
    Ok(text.into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn capture(template: &str, path: &str) -> Option<Vec<(String, String)>> {
        let template = Template::parse(template).unwrap();
        let path = Path::split(path)?;
        if !template.shape.matches(&path) {
            return None;
        }
        let captured = template.capture(&path).ok()?;
        Some(
            captured
                .into_iter()
                .map(|(fields, value)| (fields.join("."), value))
                .collect(),
        )
    }

    fn one(field: &str, value: &str) -> Option<Vec<(String, String)>> {
        Some(vec![(field.to_owned(), value.to_owned())])
    }

    #[test]
    fn templates_take_their_variables() {
        let cases = [
            ("/api/agents", "/api/agents", Some(vec![])),
            (
                "/api/{name=agents/*}",
                "/api/agents/7",
                one("name", "agents/7"),
            ),
            (
                "/api/{agent.name=agents/*}",
                "/api/agents/7",
                one("agent.name", "agents/7"),
            ),
            (
                "/api/{name=agents/*}:copy",
                "/api/agents/7:copy",
                one("name", "agents/7"),
            ),
            ("/api/{id}", "/api/%D1%8F", one("id", "я")),
            (
                "/api/{name=conversations/*/turns/*}",
                "/api/conversations/1/turns/2",
                one("name", "conversations/1/turns/2"),
            ),
            (
                "/api/{p=a/*}/messages",
                "/api/a/1/messages",
                one("p", "a/1"),
            ),
            ("/files/{path=**}", "/files/a/b/c", one("path", "a/b/c")),
            ("/files/{path=**}", "/files", one("path", "")),
            ("/api/{name=agents/*}", "/api/agents", None),
            ("/api/{name=agents/*}", "/api/agents/", None),
            ("/api/{name=agents/*}", "/api/agents/7/8", None),
            ("/api/{name=agents/*}", "/api/agents/7:copy", None),
            ("/api/{name=agents/*}", "/api/agents/a%2Fb", None),
            ("/api/{name=agents/*}", "/api/agents/%FF", None),
            ("/api/{name=agents/*}:copy", "/api/agents/7", None),
            ("/api/prices:import", "/api/prices:import", Some(vec![])),
        ];
        for (template, path, expected) in cases {
            assert_eq!(capture(template, path), expected, "{template} on {path}");
        }
    }

    #[test]
    fn what_is_not_a_template_is_refused() {
        for bad in [
            "", "api", "/", "/a//b", "/{a", "/{=x}", "/a*b", "/**/b", "/a:", "/{a..b}",
        ] {
            assert!(Template::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn literals_come_before_wildcards() {
        let literal = Template::parse("/api/jobs/queues").unwrap();
        let wild = Template::parse("/api/{name=jobs/*}").unwrap();
        assert!(literal.shape < wild.shape);
    }

    proptest! {
        #[test]
        fn no_path_and_no_template_panics(template in "[/a-z{}*=:.%]{0,24}", path in "\\PC{0,40}") {
            if let (Ok(template), Some(path)) = (Template::parse(&template), Path::split(&path))
                && template.shape.matches(&path)
            {
                drop(template.capture(&path));
            }
        }
    }
}
