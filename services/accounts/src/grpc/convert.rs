//! Messages to and from the words of the domain.

use chrono::{DateTime, SubsecRound as _, Utc};
use prost_types::{FieldMask, Timestamp};
use t11_core::{NameError, Role, Violations, format_name, parse_name};
use t11_proto::accounts::v1 as pb;
use uuid::Uuid;

use crate::api_key::{self, NewApiKey, SeenApiKey};
use crate::audit::{Record, hex};
use crate::authenticator::{Acceptance, Registration};
use crate::email::Email;
use crate::error::Error;
use crate::locale::{self, Locale};
use crate::member::{Invite, Member, NewInvite};
use crate::organization::{self, DEFAULT_TIME_ZONE, Organization, OrganizationPatch};
use crate::password::new_password;
use crate::session::Session;
use crate::user::{self, Me, Theme, User, UserPatch};

const DEFAULT_LOCALE: &str = "ru";

pub(super) fn timestamp(time: DateTime<Utc>) -> Timestamp {
    Timestamp {
        seconds: time.timestamp(),
        // Below 10^9 but in a leap second.
        nanos: i32::try_from(time.timestamp_subsec_nanos()).unwrap_or(999_999_999),
    }
}

/// A time of the wire, cut to the microseconds that are stored; `None` for one that is none.
fn time(timestamp: &Timestamp) -> Option<DateTime<Utc>> {
    let nanos = u32::try_from(timestamp.nanos).ok()?;
    let time = DateTime::from_timestamp(timestamp.seconds, nanos)?;
    Some(time.trunc_subsecs(6))
}

/// The id in a request's resource name; a name of another form is a violation of `field`.
pub(super) fn id(field: &str, collection: &str, name: &str) -> Result<Uuid, Error> {
    parse_name(collection, name).map_err(|error: NameError| {
        let mut violations = Violations::default();
        violations.add(field, "MALFORMED", error.to_string());
        violations.into()
    })
}

fn request_id(violations: &mut Violations, text: &str) -> Option<Uuid> {
    if text.is_empty() {
        return None;
    }
    let id = Uuid::try_parse(text).ok();
    if id.is_none() {
        violations.add("request_id", "MALFORMED", "`request_id` must be a UUID");
    }
    id
}

pub(super) fn role(violations: &mut Violations, text: &str) -> Role {
    text.parse().unwrap_or_else(|_| {
        let known: Vec<_> = Role::ALL.iter().map(|role| format!("`{role}`")).collect();
        let description = format!("`role` must be one of {}", known.join(", "));
        violations.add("role", "UNKNOWN_VALUE", description);
        Role::Viewer
    })
}

/// `text`, or `default` when it is empty.
fn or<'a>(text: &'a str, default: &'a str) -> &'a str {
    if text.is_empty() { default } else { text }
}

impl TryFrom<pb::RegisterRequest> for Registration {
    type Error = Error;

    fn try_from(request: pb::RegisterRequest) -> Result<Self, Error> {
        let mut violations = Violations::default();
        let v = &mut violations;
        let email = Email::parse(v, "email", &request.email);
        let display_name = or(request.display_name.trim(), email.local_part());
        let password = new_password(v, "password", &request.password);
        crate::password::differs_from_address(v, "password", &password, &email);
        let registration = Self {
            organization_display_name: v.text(
                "organization_display_name",
                &request.organization_display_name,
                1,
                organization::MAX_NAME_CHARS,
            ),
            // Nothing to complain of when it was made from a bad address.
            display_name: v.text("display_name", display_name, 0, user::MAX_NAME_CHARS),
            locale: Locale::parse(v, "locale", or(&request.locale, DEFAULT_LOCALE)),
            time_zone: locale::time_zone(v, "time_zone", or(&request.time_zone, DEFAULT_TIME_ZONE)),
            request_id: request_id(v, &request.request_id),
            email,
            password,
        };
        violations.check()?;
        Ok(registration)
    }
}

impl TryFrom<pb::AcceptInviteRequest> for Acceptance {
    type Error = Error;

    fn try_from(request: pb::AcceptInviteRequest) -> Result<Self, Error> {
        let mut violations = Violations::default();
        let v = &mut violations;
        if request.secret.is_empty() {
            v.add("secret", "REQUIRED", "`secret` must be given");
        }
        let acceptance = Self {
            display_name: v.text(
                "display_name",
                &request.display_name,
                0,
                user::MAX_NAME_CHARS,
            ),
            password: new_password(v, "password", &request.password),
            secret: request.secret.into(),
        };
        violations.check()?;
        Ok(acceptance)
    }
}

impl TryFrom<pb::CreateInviteRequest> for NewInvite {
    type Error = Error;

    fn try_from(request: pb::CreateInviteRequest) -> Result<Self, Error> {
        let mut violations = Violations::default();
        let v = &mut violations;
        let invite = Self {
            email: Email::parse(v, "email", &request.email),
            role: role(v, &request.role),
            request_id: request_id(v, &request.request_id),
        };
        violations.check()?;
        Ok(invite)
    }
}

/// The key that a request asks for at `now`.
pub(super) fn new_api_key(
    request: pb::CreateApiKeyRequest,
    now: DateTime<Utc>,
) -> Result<NewApiKey, Error> {
    let key = request.api_key.unwrap_or_default();
    let mut violations = Violations::default();
    let v = &mut violations;
    let new = NewApiKey {
        display_name: api_key_name(v, &key),
        scopes: api_key::scopes(v, "api_key.scopes", &key.scopes),
        expire_time: expiry(v, "api_key.expire_time", key.expire_time.as_ref(), now),
        request_id: request_id(v, &request.request_id),
    };
    violations.check()?;
    Ok(new)
}

fn api_key_name(violations: &mut Violations, key: &pb::ApiKey) -> String {
    let (path, max) = ("api_key.display_name", api_key::MAX_NAME_CHARS);
    violations.text(path, &key.display_name, 1, max)
}

fn expiry(
    violations: &mut Violations,
    field: &str,
    given: Option<&Timestamp>,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let expiry = time(given?);
    match expiry {
        Some(expiry) => api_key::check_expiry(violations, field, expiry, now),
        None => violations.add(field, "MALFORMED", format!("`{field}` must be a time")),
    }
    expiry
}

/// The new name of a key, if the update names it.
pub(super) fn api_key_patch(
    key: &pb::ApiKey,
    mask: Option<FieldMask>,
) -> Result<Option<String>, Error> {
    let mut violations = Violations::default();
    let fields = [("display_name", !key.display_name.is_empty())];
    let chosen = chosen(&mut violations, mask, &fields);
    let name = (!chosen.is_empty()).then(|| api_key_name(&mut violations, key));
    violations.check()?;
    Ok(name)
}

impl TryFrom<pb::UpdateMeRequest> for UserPatch {
    type Error = Error;

    fn try_from(request: pb::UpdateMeRequest) -> Result<Self, Error> {
        let user = request.user.unwrap_or_default();
        let mut violations = Violations::default();
        let v = &mut violations;
        let fields = [
            ("display_name", !user.display_name.is_empty()),
            ("locale", !user.locale.is_empty()),
            ("theme", !user.theme.is_empty()),
        ];
        let chosen = chosen(v, request.update_mask, &fields);
        let mut patch = Self::default();
        for field in chosen {
            match field {
                "display_name" => {
                    let name = v.text(
                        "user.display_name",
                        &user.display_name,
                        1,
                        user::MAX_NAME_CHARS,
                    );
                    patch.display_name = Some(name);
                }
                "locale" => patch.locale = Some(Locale::parse(v, "user.locale", &user.locale)),
                _ => patch.theme = Some(theme(v, &user.theme)),
            }
        }
        violations.check()?;
        Ok(patch)
    }
}

fn theme(violations: &mut Violations, text: &str) -> Theme {
    Theme::known(text).unwrap_or_else(|| {
        let description = "`user.theme` must be `system`, `light` or `dark`";
        violations.add("user.theme", "UNKNOWN_VALUE", description);
        Theme::System
    })
}

impl TryFrom<(pb::Organization, Option<FieldMask>)> for OrganizationPatch {
    type Error = Error;

    fn try_from(
        (organization, mask): (pb::Organization, Option<FieldMask>),
    ) -> Result<Self, Error> {
        let mut violations = Violations::default();
        let v = &mut violations;
        let fields = [
            ("display_name", !organization.display_name.is_empty()),
            ("locale", !organization.locale.is_empty()),
            ("time_zone", !organization.time_zone.is_empty()),
        ];
        let chosen = chosen(v, mask, &fields);
        let mut patch = Self::default();
        for field in chosen {
            match field {
                "display_name" => {
                    let (path, name) = ("organization.display_name", &organization.display_name);
                    patch.display_name = Some(v.text(path, name, 1, organization::MAX_NAME_CHARS));
                }
                "locale" => {
                    let locale = Locale::parse(v, "organization.locale", &organization.locale);
                    patch.locale = Some(locale);
                }
                _ => {
                    let path = "organization.time_zone";
                    patch.time_zone = Some(locale::time_zone(v, path, &organization.time_zone));
                }
            }
        }
        violations.check()?;
        Ok(patch)
    }
}

/// The fields that an update names (AIP-134): those of the mask, all for `*`, and without a mask
/// the populated ones. `fields` are the ones that may change, and whether each is populated.
fn chosen(
    violations: &mut Violations,
    mask: Option<FieldMask>,
    fields: &[(&'static str, bool)],
) -> Vec<&'static str> {
    let paths = mask.map(|mask| mask.paths).unwrap_or_default();
    for path in &paths {
        if path != "*" && !fields.iter().any(|(field, _)| field == path) {
            let description = format!("`{path}` is not a field that can be changed");
            violations.add("update_mask", "UNKNOWN_FIELD", description);
        }
    }
    let named = |field: &str, populated: bool| {
        if paths.is_empty() {
            populated
        } else {
            paths.iter().any(|p| p == "*" || p == field)
        }
    };
    fields
        .iter()
        .filter(|(field, populated)| named(field, *populated))
        .map(|(f, _)| *f)
        .collect()
}

impl From<User> for pb::User {
    fn from(user: User) -> Self {
        Self {
            name: format_name("users", user.id),
            email: user.email.as_str().to_owned(),
            display_name: user.display_name,
            locale: user.locale.as_str().to_owned(),
            theme: user.theme.as_str().to_owned(),
            create_time: Some(timestamp(user.create_time)),
        }
    }
}

impl From<Organization> for pb::Organization {
    fn from(organization: Organization) -> Self {
        Self {
            name: format_name("organizations", organization.id.0),
            etag: organization.etag().into(),
            display_name: organization.display_name,
            locale: organization.locale.as_str().to_owned(),
            time_zone: organization.time_zone,
            create_time: Some(timestamp(organization.create_time)),
            update_time: Some(timestamp(organization.update_time)),
        }
    }
}

impl From<Me> for pb::Me {
    fn from(me: Me) -> Self {
        Self {
            role: me.role.to_string(),
            permissions: me
                .permissions()
                .map(|permission| permission.to_string())
                .collect(),
            user: Some(me.user.into()),
            organization: Some(me.organization.into()),
        }
    }
}

/// `current` is the session that asks.
pub(super) fn session(session: Session, current: Uuid) -> pb::Session {
    pb::Session {
        name: format_name("sessions", session.id),
        user_agent: session.user_agent.unwrap_or_default(),
        client_address: session.client_address.unwrap_or_default(),
        create_time: Some(timestamp(session.create_time)),
        last_used_time: Some(timestamp(session.last_used_time)),
        expire_time: Some(timestamp(session.expire_time)),
        current: session.id == current,
    }
}

impl From<Member> for pb::Member {
    fn from(member: Member) -> Self {
        Self {
            name: format_name("members", member.user),
            email: member.email,
            display_name: member.display_name,
            role: member.role.to_string(),
            create_time: Some(timestamp(member.create_time)),
        }
    }
}

impl From<Invite> for pb::Invite {
    fn from(invite: Invite) -> Self {
        Self {
            name: format_name("invites", invite.id),
            email: invite.email,
            role: invite.role.to_string(),
            create_time: Some(timestamp(invite.create_time)),
            expire_time: Some(timestamp(invite.expire_time)),
        }
    }
}

impl From<SeenApiKey> for pb::ApiKey {
    fn from(seen: SeenApiKey) -> Self {
        let words = |scope: t11_core::Permission| scope.to_string();
        let effective_scopes = seen.effective_scopes().map(words).collect();
        let SeenApiKey {
            key,
            creator,
            state,
        } = seen;
        Self {
            name: format_name("apiKeys", key.id),
            display_name: key.display_name,
            prefix: key.prefix,
            scopes: key.scopes.into_iter().map(words).collect(),
            effective_scopes,
            creator: format_name("members", key.creator),
            creator_display_name: creator
                .map(|creator| creator.display_name)
                .unwrap_or_default(),
            state: pb::ApiKeyState::from(state).into(),
            create_time: Some(timestamp(key.create_time)),
            expire_time: key.expire_time.map(timestamp),
            last_used_time: key.last_used_time.map(timestamp),
            revoke_time: key.revoke_time.map(timestamp),
        }
    }
}

impl From<api_key::State> for pb::ApiKeyState {
    fn from(state: api_key::State) -> Self {
        match state {
            api_key::State::Active => Self::Active,
            api_key::State::Expired => Self::Expired,
            api_key::State::Revoked => Self::Revoked,
            api_key::State::Orphaned => Self::Orphaned,
        }
    }
}

impl From<Record> for pb::AuditRecord {
    fn from(
        Record {
            entry,
            previous_hash,
            hash,
            ..
        }: Record,
    ) -> Self {
        Self {
            name: format_name("auditRecords", entry.id),
            actor: entry.actor,
            action: entry.action,
            resource: entry.resource.unwrap_or_default(),
            request_id: entry.request_id,
            client_address: entry.client_address.unwrap_or_default(),
            create_time: Some(timestamp(entry.time)),
            hash: hex(&hash),
            previous_hash: hex(&previous_hash),
            error_reason: entry.error_reason.unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests;
