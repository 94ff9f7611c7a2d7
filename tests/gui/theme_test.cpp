// The contrasts that the design promises, computed as WCAG 2 says.
#include "gui/widgets/theme.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace salvor::gui {
namespace {

double linear(double channel)
{
    return channel <= 0.04045 ? channel / 12.92 : std::pow((channel + 0.055) / 1.055, 2.4);
}

double luminance(const QColor& colour)
{
    return 0.2126 * linear(colour.redF()) + 0.7152 * linear(colour.greenF())
           + 0.0722 * linear(colour.blueF());
}

double contrast(const QColor& one, const QColor& other)
{
    const double a = luminance(one);
    const double b = luminance(other);
    return (std::max(a, b) + 0.05) / (std::min(a, b) + 0.05);
}

using Token = QColor Theme::*;
struct Pair {
    const char* name;
    Token fore;
    std::vector<Token> on;
    double needs;
};

const std::vector<Token> w3{&Theme::window, &Theme::surface, &Theme::raised};

std::vector<Token> with(std::vector<Token> base, std::initializer_list<Token> more)
{
    base.insert(base.end(), more);
    return base;
}

std::vector<Pair> pairs()
{
    return {
        {"text", &Theme::text,
         with(w3, {&Theme::sunken, &Theme::select, &Theme::band2, &Theme::planTint,
                   &Theme::warnTint, &Theme::breachTint, &Theme::infoTint, &Theme::drillTint}),
         4.5},
        {"muted", &Theme::muted,
         with(w3, {&Theme::sunken, &Theme::select, &Theme::warnTint, &Theme::breachTint,
                   &Theme::infoTint}),
         4.5},
        {"accent", &Theme::accent, with(w3, {&Theme::select}), 4.5},
        {"accentText", &Theme::accentText, {&Theme::accent}, 4.5},
        {"plan", &Theme::plan, with(w3, {&Theme::planTint}), 4.5},
        {"ok", &Theme::ok, {&Theme::surface, &Theme::raised, &Theme::okTint}, 4.5},
        {"warn", &Theme::warn, {&Theme::surface, &Theme::raised, &Theme::warnTint}, 4.5},
        {"breach", &Theme::breach, with(w3, {&Theme::breachTint}), 4.5},
        {"breachFillText", &Theme::breachFillText, {&Theme::breachFill}, 7},
        {"info", &Theme::info, {&Theme::raised, &Theme::infoTint}, 4.5},
        {"prodText", &Theme::prodText, {&Theme::prod}, 7},
        {"drill", &Theme::drill, {&Theme::raised, &Theme::drillTint}, 4.5},
        {"barText", &Theme::barText, {&Theme::bar}, 7},
        {"barMuted", &Theme::barMuted, {&Theme::bar}, 7},
        {"barPlan", &Theme::barPlan, {&Theme::bar}, 7},
        {"barAmberText", &Theme::barAmberText, {&Theme::barAmber}, 7},
        {"barBreachText", &Theme::barBreachText, {&Theme::barBreach}, 7},
        {"focus", &Theme::focus, w3, 3},
        {"edge", &Theme::edge, w3, 3},
    };
}

class EveryLook : public testing::TestWithParam<Look> {};

TEST_P(EveryLook, KeepsTheContrastThatEachPairNeeds)
{
    const Theme& theme = themeOf(GetParam());
    for (const Pair& pair : pairs())
        for (const Token on : pair.on)
            EXPECT_GE(contrast(theme.*pair.fore, theme.*on), pair.needs)
                << pair.name << " " << (theme.*pair.fore).name().toStdString() << " on "
                << (theme.*on).name().toStdString();
}

TEST_P(EveryLook, IsFoundAgainByItsPalette)
{
    EXPECT_EQ(themeOf(themeOf(GetParam()).palette()).look, GetParam());
    EXPECT_EQ(lookFromName(lookName(GetParam())), GetParam());
}

INSTANTIATE_TEST_SUITE_P(Looks, EveryLook,
                         testing::Values(Look::Light, Look::Dark, Look::HighContrast));

TEST(Themes, KeepTheNumbersOfTheDesign)
{
    EXPECT_NEAR(contrast(themeOf(Look::Light).text, themeOf(Look::Light).window), 13.4, 0.1);
    EXPECT_NEAR(contrast(themeOf(Look::Dark).muted, themeOf(Look::Dark).raised), 6.3, 0.1);
    EXPECT_NEAR(contrast(themeOf(Look::HighContrast).accent, themeOf(Look::HighContrast).raised),
                16.5, 0.1);
}

} // namespace
} // namespace salvor::gui
