use futures::{Stream, StreamExt as _};
use t11_proto::accounts::v1::{
    GetNotificationPreferencesRequest, ListNotificationsRequest, ListNotificationsResponse,
    MarkAllNotificationsReadRequest, MarkAllNotificationsReadResponse, MarkNotificationReadRequest,
    NotificationPreferences, UpdateNotificationPreferencesRequest, WatchNotificationsRequest,
};
pub(crate) use t11_proto::accounts::v1::{
    Notification, NotificationPreference, NotificationType, WatchNotificationsResponse as Unread,
};

use super::Problem;
use super::transport::{rpc, server_stream, unary};
use crate::query::Page;

/// What the person was told, newest first.
pub(crate) async fn list(unread: bool, page_token: String) -> Result<Page<Notification>, Problem> {
    let request = ListNotificationsRequest {
        page_size: 30,
        page_token,
        unread,
    };
    let path = rpc!("/t11.accounts.v1.NotificationService/ListNotifications");
    let page: ListNotificationsResponse = unary(path, &request).await?;
    Ok(Page::new(page.notifications, page.next_page_token))
}

pub(crate) async fn mark_read(name: String) -> Result<Notification, Problem> {
    let path = rpc!("/t11.accounts.v1.NotificationService/MarkNotificationRead");
    unary(path, &MarkNotificationReadRequest { name }).await
}

pub(crate) async fn mark_all_read() -> Result<(), Problem> {
    let path = rpc!("/t11.accounts.v1.NotificationService/MarkAllNotificationsRead");
    unary::<MarkAllNotificationsReadResponse>(path, &MarkAllNotificationsReadRequest {}).await?;
    Ok(())
}

/// Every type, and whether the person wants it.
pub(crate) async fn preferences() -> Result<Vec<NotificationPreference>, Problem> {
    let path = rpc!("/t11.accounts.v1.NotificationService/GetNotificationPreferences");
    let all: NotificationPreferences = unary(path, &GetNotificationPreferencesRequest {}).await?;
    Ok(all.preferences)
}

/// Changes one type; the answer is all of them.
pub(crate) async fn prefer(
    kind: NotificationType,
    in_app: bool,
) -> Result<Vec<NotificationPreference>, Problem> {
    let request = UpdateNotificationPreferencesRequest {
        preferences: vec![NotificationPreference {
            r#type: kind.into(),
            in_app,
        }],
    };
    let path = rpc!("/t11.accounts.v1.NotificationService/UpdateNotificationPreferences");
    let all: NotificationPreferences = unary(path, &request).await?;
    Ok(all.preferences)
}

/// How many are not read, as it changes; see [`super::live`] for the one stream of a browser.
pub(super) async fn watch() -> Result<impl Stream<Item = Result<Unread, Problem>>, Problem> {
    let path = rpc!("/t11.accounts.v1.NotificationService/WatchNotifications");
    let answers = server_stream::<Unread, _>(path, &WatchNotificationsRequest {}).await?;
    Ok(answers.map(|answer| answer))
}
