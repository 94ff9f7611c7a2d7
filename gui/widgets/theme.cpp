#include "gui/widgets/theme.h"

namespace salvor::gui {
namespace {

Theme lightTheme()
{
    Theme theme;
    theme.look = Look::Light;
    theme.window = QColor(0xE9ECEEU);
    theme.surface = QColor(0xF5F6F7U);
    theme.raised = QColor(0xFFFFFFU);
    theme.sunken = QColor(0xDFE4E7U);
    theme.text = QColor(0x1A2329U);
    theme.muted = QColor(0x4D5960U);
    theme.border = QColor(0xC2CACFU);
    theme.edge = QColor(0x73808AU);
    theme.accent = QColor(0x1C4A6BU);
    theme.accentText = QColor(0xFFFFFFU);
    theme.select = QColor(0xD2E1EBU);
    theme.focus = QColor(0x0A5FB4U);
    theme.plan = QColor(0x85247AU);
    theme.planTint = QColor(0xF4E6F1U);
    theme.ok = QColor(0x1C6346U);
    theme.okTint = QColor(0xE0EEE7U);
    theme.warn = QColor(0x754800U);
    theme.warnTint = QColor(0xFBE8C3U);
    theme.breach = QColor(0x9B1318U);
    theme.breachTint = QColor(0xF9E0DDU);
    theme.breachFill = QColor(0x8A0F14U);
    theme.breachFillText = QColor(0xFFFFFFU);
    theme.info = QColor(0x255A7AU);
    theme.infoTint = QColor(0xDEE9F0U);
    theme.prod = QColor(0x1A2329U);
    theme.prodText = QColor(0xFFFFFFU);
    theme.drill = QColor(0x1F4583U);
    theme.drillTint = QColor(0xE2EAF7U);
    theme.bar = QColor(0x1A2329U);
    theme.barText = QColor(0xFFFFFFU);
    theme.barMuted = QColor(0xC8D1D6U);
    theme.barPlan = QColor(0xF2B3E8U);
    theme.barAmber = QColor(0xF3C65BU);
    theme.barAmberText = QColor(0x1A2329U);
    theme.barBreach = QColor(0x7E0D12U);
    theme.barBreachText = QColor(0xFFFFFFU);
    theme.band = QColor(0x93A1AAU);
    theme.band2 = QColor(0xC3CDD3U);
    theme.ink2 = QColor(0x5E6C75U);
    return theme;
}

Theme darkTheme()
{
    Theme theme;
    theme.look = Look::Dark;
    theme.window = QColor(0x151B1FU);
    theme.surface = QColor(0x1C2429U);
    theme.raised = QColor(0x252F35U);
    theme.sunken = QColor(0x10161AU);
    theme.text = QColor(0xDCE3E7U);
    theme.muted = QColor(0xA6B3BBU);
    theme.border = QColor(0x3A474FU);
    theme.edge = QColor(0x80909AU);
    theme.accent = QColor(0x9BC7E4U);
    theme.accentText = QColor(0x0E1A22U);
    theme.select = QColor(0x2B475AU);
    theme.focus = QColor(0x74BCF7U);
    theme.plan = QColor(0xEDA3E1U);
    theme.planTint = QColor(0x3B2238U);
    theme.ok = QColor(0x86CFAAU);
    theme.okTint = QColor(0x1D3329U);
    theme.warn = QColor(0xF2C166U);
    theme.warnTint = QColor(0x3B2E14U);
    theme.breach = QColor(0xFFA79EU);
    theme.breachTint = QColor(0x43201FU);
    theme.breachFill = QColor(0xFFB1A8U);
    theme.breachFillText = QColor(0x2A0506U);
    theme.info = QColor(0x9CC9E4U);
    theme.infoTint = QColor(0x1D323FU);
    theme.prod = QColor(0xE6EBEEU);
    theme.prodText = QColor(0x12181CU);
    theme.drill = QColor(0xA9C6F5U);
    theme.drillTint = QColor(0x1D2B42U);
    theme.bar = QColor(0x080C0EU);
    theme.barText = QColor(0xFFFFFFU);
    theme.barMuted = QColor(0xC8D1D6U);
    theme.barPlan = QColor(0xF2B3E8U);
    theme.barAmber = QColor(0xF3C65BU);
    theme.barAmberText = QColor(0x1A2329U);
    theme.barBreach = QColor(0x7E0D12U);
    theme.barBreachText = QColor(0xFFFFFFU);
    theme.band = QColor(0x71818BU);
    theme.band2 = QColor(0x4A5861U);
    theme.ink2 = QColor(0x9BA9B2U);
    return theme;
}

Theme highContrastTheme()
{
    Theme theme;
    theme.look = Look::HighContrast;
    theme.window = QColor(0x000000U);
    theme.surface = QColor(0x000000U);
    theme.raised = QColor(0x000000U);
    theme.sunken = QColor(0x000000U);
    theme.text = QColor(0xFFFFFFU);
    theme.muted = QColor(0xE6E6E6U);
    theme.border = QColor(0xFFFFFFU);
    theme.edge = QColor(0xFFFFFFU);
    theme.accent = QColor(0xFFE600U);
    theme.accentText = QColor(0x000000U);
    theme.select = QColor(0x00305CU);
    theme.focus = QColor(0x00E5FFU);
    theme.plan = QColor(0xFFA8F3U);
    theme.planTint = QColor(0x000000U);
    theme.ok = QColor(0x7DFFB5U);
    theme.okTint = QColor(0x000000U);
    theme.warn = QColor(0xFFC851U);
    theme.warnTint = QColor(0x000000U);
    theme.breach = QColor(0xFFA79FU);
    theme.breachTint = QColor(0x000000U);
    theme.breachFill = QColor(0xFFA79FU);
    theme.breachFillText = QColor(0x000000U);
    theme.info = QColor(0x9FDBFFU);
    theme.infoTint = QColor(0x000000U);
    theme.prod = QColor(0xFFFFFFU);
    theme.prodText = QColor(0x000000U);
    theme.drill = QColor(0xB8D2FFU);
    theme.drillTint = QColor(0x000000U);
    theme.bar = QColor(0x000000U);
    theme.barText = QColor(0xFFFFFFU);
    theme.barMuted = QColor(0xFFFFFFU);
    theme.barPlan = QColor(0xFFA8F3U);
    theme.barAmber = QColor(0xFFC851U);
    theme.barAmberText = QColor(0x000000U);
    theme.barBreach = QColor(0xFFA79FU);
    theme.barBreachText = QColor(0x000000U);
    theme.band = QColor(0xFFFFFFU);
    theme.band2 = QColor(0x595959U);
    theme.ink2 = QColor(0xFFFFFFU);
    return theme;
}

} // namespace

QPalette Theme::palette() const
{
    QPalette palette;
    palette.setColor(QPalette::Window, window);
    palette.setColor(QPalette::Base, raised);
    palette.setColor(QPalette::Button, raised);
    palette.setColor(QPalette::AlternateBase, surface);
    palette.setColor(QPalette::ToolTipBase, raised);
    for (const auto role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText,
                            QPalette::ToolTipText, QPalette::BrightText, QPalette::HighlightedText})
        palette.setColor(role, text);
    palette.setColor(QPalette::PlaceholderText, muted);
    for (const auto role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText})
        palette.setColor(QPalette::Disabled, role, muted);
    palette.setColor(QPalette::Highlight, select);
    palette.setColor(QPalette::Link, accent);
    palette.setColor(QPalette::LinkVisited, accent);
    palette.setColor(QPalette::Light, raised);
    palette.setColor(QPalette::Midlight, border);
    palette.setColor(QPalette::Mid, border);
    palette.setColor(QPalette::Dark, edge);
    palette.setColor(QPalette::Shadow, edge);
    return palette;
}

const Theme& themeOf(Look look)
{
    static const Theme light = lightTheme();
    static const Theme dark = darkTheme();
    static const Theme highContrast = highContrastTheme();
    switch (look) {
    case Look::Dark:
        return dark;
    case Look::HighContrast:
        return highContrast;
    case Look::Light:
        break;
    }
    return light;
}

const Theme& themeOf(const QPalette& palette)
{
    const QColor select = palette.color(QPalette::Active, QPalette::Highlight);
    for (const Look look : {Look::Dark, Look::HighContrast})
        if (themeOf(look).select == select)
            return themeOf(look);
    return themeOf(Look::Light);
}

QString lookName(Look look)
{
    switch (look) {
    case Look::Dark:
        return QStringLiteral("dark");
    case Look::HighContrast:
        return QStringLiteral("high-contrast");
    case Look::Light:
        break;
    }
    return QStringLiteral("light");
}

Look lookFromName(const QString& name)
{
    if (name == lookName(Look::Dark))
        return Look::Dark;
    return name == lookName(Look::HighContrast) ? Look::HighContrast : Look::Light;
}

} // namespace salvor::gui
