#include "gui/widgets/range_strip.h"
#include "gui/widgets/style.h"

#include <QApplication>

#include <gtest/gtest.h>

int main(int argc, char** argv)
{
    testing::InitGoogleTest(&argc, argv);
    if (qEnvironmentVariableIsEmpty("QT_QPA_PLATFORM"))
        qputenv("QT_QPA_PLATFORM", "offscreen");
    QApplication application(argc, argv);
    QApplication::setFont(QFont(QStringLiteral("DejaVu Sans"), 10));
    salvor::gui::setUpStyle(application, salvor::gui::Look::Light);
    salvor::gui::installStripAccessibility();
    return RUN_ALL_TESTS();
}
