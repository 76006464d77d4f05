words! {
    /// Signing in and up.
    Account {
        sign_in: "Sign in", "Войти";
        sign_in_title: "Sign in to T11", "Вход в T11";
        sign_up: "Create an account", "Создать аккаунт";
        sign_up_title: "Create your organization", "Создайте организацию";
        sign_up_lead: "One account for your company: knowledge, prices and AI sales agents.", "Один аккаунт для компании: знания, цены и ИИ-продавцы.";
        email: "E-mail", "Электронная почта";
        password: "Password", "Пароль";
        password_hint: "At least 10 characters", "Не короче 10 знаков";
        display_name: "Your name", "Ваше имя";
        organization: "Organization name", "Название организации";
        organization_hint: "Your company or team", "Ваша компания или команда";
        remember: "Keep me signed in for 30 days", "Не выходить 30 дней";
        have_account: "Already have an account?", "Уже есть аккаунт?";
        no_account: "No account yet?", "Ещё нет аккаунта?";
        session_ended: "Your session has ended. Sign in again to go on.", "Сеанс закончился. Войдите снова, чтобы продолжить.";
        pitch_sources: "Answers only from your own documents, with sources", "Отвечает только по вашим документам и показывает источники";
        pitch_prices: "No price that is not in your price book", "Ни одной цены, которой нет в прайс-листе";
        pitch_trace: "Every answer has a trace: steps, tokens, time, cost", "У каждого ответа есть разбор: шаги, токены, время, стоимость";
    }
}
