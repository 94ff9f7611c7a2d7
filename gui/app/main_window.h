// The main window: navigation, and what is on every page.
#pragma once

#include "gui/app/window_settings.h"
#include "gui/models/backend.h"
#include "gui/models/catalog.h"
#include "gui/models/passphrase_desk.h"
#include "gui/models/restore_draft.h"
#include "gui/text/moments.h"

#include <QMainWindow>
#include <QTimer>

#include <memory>

class QStackedWidget;

namespace salvor::gui {

class ClustersPage;
class NavBar;
class Notice;
class PointsPage;
class RestoreFlow;
class Text;

/// What main() builds and the window lives on.
struct WindowParts {
    std::shared_ptr<Backend> backend;
    std::shared_ptr<PassphraseDesk> desk;
    const Clock& clock;
    text::Zones zones;
    Path stateFolder;
    Path home; ///< Where new directories are proposed.
};

class MainWindow final : public QMainWindow {
    Q_OBJECT
public:
    enum class Start { WithConfiguration, FirstRun };
    MainWindow(WindowParts parts, Start start);
    ~MainWindow() override;

    enum Page { Clusters, Points, Restore, Settings, FirstRun };
    void open(Page page);
    [[nodiscard]] Catalog& catalog() { return *m_catalog; }
    [[nodiscard]] RestoreFlow& flow() { return *m_flow; }
    void openAddRepository();

protected:
    void closeEvent(QCloseEvent* event) override;

private:
    void makePages();
    void makeMenus();
    [[nodiscard]] QWidget* makeStatus();
    void connectPages();
    void offerDraft();
    void tick();
    void showReadTime();
    void beginRestore(const QString& cluster, const QString& backup);
    void setLook(Look look);
    void askPassphrase(const std::string& repository);

    WindowParts m_parts;
    WindowSettings m_settings;
    DraftStore m_drafts;
    Catalog* m_catalog;
    NavBar* m_nav;
    Notice* m_offer;
    QStackedWidget* m_pages;
    ClustersPage* m_clusters = nullptr;
    PointsPage* m_points = nullptr;
    RestoreFlow* m_flow = nullptr;
    Text* m_readAt;
    Text* m_time;
    QTimer m_second;
    bool m_firstRun;
};

} // namespace salvor::gui
