#include "core/base/log.h"
#include "gui/app/console_backend.h"
#include "gui/app/main_window.h"
#include "gui/widgets/range_strip.h"
#include "gui/widgets/style.h"

#include <QApplication>
#include <QCommandLineParser>
#include <QDir>
#include <QFileInfo>
#include <QScreen>
#include <QStandardPaths>

namespace {

/// Beside this program as packages install it, else as the path finds it.
salvor::Path salvorctl()
{
    const QString beside = QCoreApplication::applicationDirPath() + QStringLiteral("/salvorctl");
    if (QFileInfo(beside).isExecutable())
        return beside.toStdString();
    const QString found = QStandardPaths::findExecutable(QStringLiteral("salvorctl"));
    return found.isEmpty() ? beside.toStdString() : found.toStdString();
}

} // namespace

int main(int argc, char* argv[])
{
    using namespace salvor;
    QApplication application(argc, argv);
    QCoreApplication::setApplicationName(QStringLiteral("salvor"));
    QCoreApplication::setApplicationVersion(QStringLiteral(SALVOR_VERSION));
    QGuiApplication::setDesktopFileName(QStringLiteral("salvor"));

    QCommandLineParser arguments;
    arguments.setApplicationDescription(QStringLiteral(
        "Recovery console for PostgreSQL: what can I get back, up to which moment?"));
    arguments.addHelpOption();
    arguments.addVersionOption();
    const QCommandLineOption config(QStringLiteral("config"),
                                    QStringLiteral("The configuration file."),
                                    QStringLiteral("FILE"));
    arguments.addOption(config);
    arguments.process(application);

    setUpLog(LogLevel::Warning);
    const Path state = gui::stateFolder();
    gui::setUpStyle(application, gui::WindowSettings(state).look());
    gui::installStripAccessibility();

    std::optional<Path> given;
    if (arguments.isSet(config))
        given = QFileInfo(arguments.value(config)).absoluteFilePath().toStdString();
    auto desk = std::make_shared<gui::PassphraseDesk>();
    auto backend =
        std::make_shared<gui::ConsoleBackend>(given, gui::configFolder() / "salvor.conf",
                                              console::Surroundings{salvorctl(), state}, desk);
    const auto start = backend->hasConfiguration() ? gui::MainWindow::Start::WithConfiguration
                                                   : gui::MainWindow::Start::FirstRun;
    gui::MainWindow window({backend,
                            desk,
                            systemClock(),
                            {},
                            state,
                            Path(QDir::homePath().toStdString()) / "salvor-restores"},
                           start);
    // The title bar must fit on the smallest screen too.
    constexpr int titleBar = 32;
    const QSize room = window.screen()->availableSize() - QSize(0, titleBar);
    window.resize(window.size().boundedTo(room));
    window.show();
    return QApplication::exec();
}
