//! `t11.accounts.v1.NotificationService`.

mod watch;

use std::sync::Arc;

use t11_core::{PageTokens, Violations, format_name};
use t11_grpc::{ResponseStream, scope};
use t11_proto::accounts::v1 as pb;
use t11_proto::accounts::v1::notification_service_server::NotificationService;
use tonic::{Request, Response, Status, async_trait};

use super::Parts;
use super::convert::{self, timestamp};
use crate::error::Error;
use crate::news::News;
use crate::notification::{Notification, Preference, Type};
use crate::store::Store;
use crate::user::Person;

const PAGE_DEFAULT: u64 = 20;
const PAGE_MAX: u64 = 100;

pub(super) struct Notifications {
    store: Store,
    page_tokens: PageTokens,
    news: Arc<News>,
}

impl Notifications {
    pub(super) fn new(parts: &Parts) -> Self {
        Self {
            store: parts.store.clone(),
            page_tokens: parts.page_tokens.clone(),
            news: parts.news.clone(),
        }
    }
}

#[async_trait]
impl NotificationService for Notifications {
    type WatchNotificationsStream = ResponseStream<pb::WatchNotificationsResponse>;

    async fn list_notifications(
        &self,
        request: Request<pb::ListNotificationsRequest>,
    ) -> Result<Response<pb::ListNotificationsResponse>, Status> {
        let scope = scope(&request)?;
        let request = request.into_inner();
        let (user, unread) = (Person::of(&scope)?.user, request.unread);
        let arguments = format!("ListNotifications/{}/{user}/{unread}", scope.org());
        let page = self
            .page_tokens
            .read(
                &arguments,
                request.page_size,
                &request.page_token,
                PAGE_DEFAULT,
                PAGE_MAX,
            )
            .map_err(Error::from)?;
        let listed = self.store.list_notifications(&scope, unread, page).await?;
        let next_page_token = self
            .page_tokens
            .write(&arguments, listed.next_cursor.as_deref());
        let unread = self.store.unread(&scope).await?;
        Ok(Response::new(pb::ListNotificationsResponse {
            notifications: listed.items.into_iter().map(Into::into).collect(),
            next_page_token,
            unread_count: count(unread.count),
        }))
    }

    async fn mark_notification_read(
        &self,
        request: Request<pb::MarkNotificationReadRequest>,
    ) -> Result<Response<pb::Notification>, Status> {
        let scope = scope(&request)?;
        let id = convert::id("name", "notifications", &request.into_inner().name)?;
        let read = self.store.read_notification(&scope, id).await?;
        self.news.tell(scope.org());
        Ok(Response::new(read.into()))
    }

    async fn mark_all_notifications_read(
        &self,
        request: Request<pb::MarkAllNotificationsReadRequest>,
    ) -> Result<Response<pb::MarkAllNotificationsReadResponse>, Status> {
        let scope = scope(&request)?;
        self.store.read_all_notifications(&scope).await?;
        self.news.tell(scope.org());
        Ok(Response::new(pb::MarkAllNotificationsReadResponse {}))
    }

    async fn get_notification_preferences(
        &self,
        request: Request<pb::GetNotificationPreferencesRequest>,
    ) -> Result<Response<pb::NotificationPreferences>, Status> {
        let all = self
            .store
            .notification_preferences(&scope(&request)?)
            .await?;
        Ok(answer(all))
    }

    async fn update_notification_preferences(
        &self,
        request: Request<pb::UpdateNotificationPreferencesRequest>,
    ) -> Result<Response<pb::NotificationPreferences>, Status> {
        let scope = scope(&request)?;
        let changed = changed(&request.into_inner().preferences)?;
        let all = self
            .store
            .set_notification_preferences(&scope, changed)
            .await?;
        Ok(answer(all))
    }

    async fn watch_notifications(
        &self,
        request: Request<pb::WatchNotificationsRequest>,
    ) -> Result<Response<Self::WatchNotificationsStream>, Status> {
        let scope = scope(&request)?;
        Person::of(&scope)?;
        let (store, news) = (self.store.clone(), self.news.clone());
        Ok(Response::new(t11_grpc::stream(move |events| {
            watch::watch(store, news, scope, events)
        })))
    }
}

fn count(count: u64) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn changed(given: &[pb::NotificationPreference]) -> Result<Vec<Preference>, Error> {
    let mut violations = Violations::default();
    let mut changed = Vec::new();
    for (index, one) in given.iter().enumerate() {
        match Type::try_from(one.r#type()) {
            Ok(kind) => changed.push(Preference {
                kind,
                in_app: one.in_app,
            }),
            Err(Unspecified) => violations.add(
                format!("preferences[{index}].type"),
                "UNKNOWN_VALUE",
                "a type of notification must be named",
            ),
        }
    }
    violations.check()?;
    Ok(changed)
}

/// No type.
pub(crate) struct Unspecified;

impl TryFrom<pb::NotificationType> for Type {
    type Error = Unspecified;

    fn try_from(kind: pb::NotificationType) -> Result<Self, Unspecified> {
        match kind {
            pb::NotificationType::Unspecified => Err(Unspecified),
            pb::NotificationType::SystemAlert => Ok(Self::SystemAlert),
            pb::NotificationType::IntegrationError => Ok(Self::IntegrationError),
            pb::NotificationType::CrmTokenExpiring => Ok(Self::CrmTokenExpiring),
            pb::NotificationType::HandoffWaiting => Ok(Self::HandoffWaiting),
            pb::NotificationType::DraftWaiting => Ok(Self::DraftWaiting),
            pb::NotificationType::Budget80 => Ok(Self::Budget80),
            pb::NotificationType::Budget100 => Ok(Self::Budget100),
            pb::NotificationType::ProviderKeyRefused => Ok(Self::ProviderKeyRefused),
        }
    }
}

impl From<Type> for pb::NotificationType {
    fn from(kind: Type) -> Self {
        match kind {
            Type::SystemAlert => Self::SystemAlert,
            Type::IntegrationError => Self::IntegrationError,
            Type::CrmTokenExpiring => Self::CrmTokenExpiring,
            Type::HandoffWaiting => Self::HandoffWaiting,
            Type::DraftWaiting => Self::DraftWaiting,
            Type::Budget80 => Self::Budget80,
            Type::Budget100 => Self::Budget100,
            Type::ProviderKeyRefused => Self::ProviderKeyRefused,
        }
    }
}

impl From<Notification> for pb::Notification {
    fn from(notification: Notification) -> Self {
        Self {
            name: format_name("notifications", notification.id),
            r#type: pb::NotificationType::from(notification.kind).into(),
            parameters: notification.parameters.into_iter().collect(),
            resource: notification.resource,
            create_time: Some(timestamp(notification.create_time)),
            read_time: notification.read_time.map(timestamp),
        }
    }
}

fn answer(all: Vec<Preference>) -> Response<pb::NotificationPreferences> {
    let preferences = all.into_iter().map(|one| pb::NotificationPreference {
        r#type: pb::NotificationType::from(one.kind).into(),
        in_app: one.in_app,
    });
    Response::new(pb::NotificationPreferences {
        preferences: preferences.collect(),
    })
}
