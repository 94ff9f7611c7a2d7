// The colours of the application: one value for each look, by the names of the design.
#pragma once

#include <QColor>
#include <QPalette>
#include <QString>

namespace salvor::gui {

enum class Look { Light, Dark, HighContrast };

/// Facts are ink and grey; `plan` is what is proposed; any other colour means trouble. The table of
/// contrasts each pair must keep is a test.
struct Theme {
    Look look = Look::Light;
    QColor window;
    QColor surface;
    QColor raised;
    QColor sunken;
    QColor text;
    QColor muted;
    QColor border;
    QColor edge;
    QColor accent;
    QColor accentText;
    QColor select;
    QColor focus;
    QColor plan;
    QColor planTint;
    QColor ok;
    QColor okTint;
    QColor warn;
    QColor warnTint;
    QColor breach;
    QColor breachTint;
    QColor breachFill;
    QColor breachFillText;
    QColor info;
    QColor infoTint;
    QColor prod;
    QColor prodText;
    QColor drill;
    QColor drillTint;
    QColor bar;
    QColor barText;
    QColor barMuted;
    QColor barPlan;
    QColor barAmber;
    QColor barAmberText;
    QColor barBreach;
    QColor barBreachText;
    QColor band;
    QColor band2;
    QColor ink2;

    [[nodiscard]] QPalette palette() const;
    /// Width of the focus ring, in pixels.
    [[nodiscard]] int focusWidth() const { return look == Look::HighContrast ? 3 : 2; }
};

[[nodiscard]] const Theme& themeOf(Look look);
/// The theme whose palette this is: what custom painting asks, so that a change of palette is all
/// that a change of look needs.
[[nodiscard]] const Theme& themeOf(const QPalette& palette);

/// "light", "dark", "high-contrast". An unknown name is Light.
[[nodiscard]] QString lookName(Look look);
[[nodiscard]] Look lookFromName(const QString& name);

} // namespace salvor::gui
