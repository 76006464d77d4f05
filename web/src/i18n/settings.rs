words! {
    /// Settings of the person and of the organization.
    Settings {
        title: "Settings", "Настройки";
        profile: "Profile", "Профиль";
        security: "Security", "Безопасность";
        organization: "Organization", "Организация";
        appearance: "Appearance", "Оформление";
        display_name: "Your name", "Ваше имя";
        email: "E-mail", "Электронная почта";
        role: "Role", "Роль";
        role_owner: "Owner", "Владелец";
        role_admin: "Administrator", "Администратор";
        role_editor: "Editor", "Редактор";
        role_operator: "Operator", "Оператор";
        role_analyst: "Analyst", "Аналитик";
        role_viewer: "Viewer", "Наблюдатель";
        interface_language: "Language of the screens", "Язык интерфейса";
        password: "Password", "Пароль";
        old_password: "Present password", "Текущий пароль";
        new_password: "New password", "Новый пароль";
        change_password: "Change the password", "Сменить пароль";
        password_changed: "The password was changed; other sessions have ended", "Пароль изменён, другие сеансы завершены";
        sessions: "Sessions", "Сеансы";
        sessions_caption: "Devices that are signed in", "Устройства, на которых выполнен вход";
        device: "Device", "Устройство";
        last_used: "Last used", "Последняя активность";
        current: "This device", "Это устройство";
        revoke: "End", "Завершить";
        revoked: "The session was ended", "Сеанс завершён";
        organization_name: "Organization name", "Название организации";
        organization_language: "Default language", "Язык по умолчанию";
        organization_language_hint: "For agents and new members", "Для агентов и новых участников";
        time_zone: "Time zone", "Часовой пояс";
        time_zone_hint: "Days and working hours are counted in it", "По нему считаются дни и часы работы";
        read_only: "Only owners and administrators can change this.", "Изменять это могут только владельцы и администраторы.";
        identifier: "Identifier", "Идентификатор";
    }
}
