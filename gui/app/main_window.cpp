#include "gui/app/main_window.h"

#include "gui/app/nav_bar.h"
#include "gui/flows/restore_flow.h"
#include "gui/pages/clusters_page.h"
#include "gui/pages/first_run_page.h"
#include "gui/pages/points_page.h"
#include "gui/pages/repository_dialog.h"
#include "gui/pages/settings_page.h"

#include <QActionGroup>
#include <QCloseEvent>
#include <QHBoxLayout>
#include <QInputDialog>
#include <QMenuBar>
#include <QStackedWidget>
#include <QVBoxLayout>

namespace salvor::gui {

MainWindow::MainWindow(WindowParts parts, Start start)
    : m_parts(std::move(parts))
    , m_settings(m_parts.stateFolder)
    , m_drafts(m_parts.stateFolder / "flows")
    , m_catalog(new Catalog(m_parts.backend, m_parts.clock, this))
    , m_nav(new NavBar)
    , m_offer(new Notice(Notice::Kind::Plan))
    , m_pages(new QStackedWidget)
    , m_readAt(new Text({}, TextSize::Note, Ink::Muted))
    , m_time(new Text({}, TextSize::Mono))
    , m_firstRun(start == Start::FirstRun)
{
    setWindowTitle(tr("Salvor"));
    setWindowIcon(themedIcon(QStringLiteral("salvor")));
    makePages();
    makeMenus();
    m_offer->hide();
    auto* right = new QVBoxLayout;
    right->setContentsMargins(0, 0, 0, 0);
    right->setSpacing(0);
    right->addWidget(m_offer);
    right->addWidget(m_pages, 1);
    auto* middle = new QHBoxLayout;
    middle->setContentsMargins(0, 0, 0, 0);
    middle->setSpacing(0);
    middle->addWidget(m_nav);
    middle->addLayout(right, 1);
    auto* all = new QWidget;
    auto* column = new QVBoxLayout(all);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addLayout(middle, 1);
    column->addWidget(makeStatus());
    setCentralWidget(all);
    setMinimumSize(1180, 720);
    resize(1366, 768);
    connectPages();
    m_second.callOnTimeout(this, &MainWindow::tick);
    m_second.start(std::chrono::milliseconds(250));
    tick();
    if (m_firstRun) {
        open(FirstRun);
    } else {
        open(Clusters);
        offerDraft();
        m_catalog->refresh();
    }
}

MainWindow::~MainWindow()
{
    // A job that waits for a passphrase must not be waited for.
    m_parts.desk->close();
}

void MainWindow::makePages()
{
    m_clusters = new ClustersPage(*m_catalog, m_parts.clock, m_parts.zones);
    m_points = new PointsPage(*m_catalog, m_parts.clock, m_parts.zones);
    m_flow = new RestoreFlow(std::make_unique<FlowContext>(FlowContext{m_parts.backend,
                                                                       *m_catalog,
                                                                       m_parts.clock,
                                                                       m_parts.zones,
                                                                       {},
                                                                       std::nullopt,
                                                                       std::nullopt}),
                             m_drafts, m_parts.home);
    auto* settings = new SettingsPage(*m_parts.backend, m_settings.look());
    auto* firstRun = new FirstRunPage(*m_parts.backend);
    for (QWidget* page :
         std::initializer_list<QWidget*>{m_clusters, m_points, m_flow, settings, firstRun})
        m_pages->addWidget(page);
    connect(settings, &SettingsPage::lookChosen, this, &MainWindow::setLook);
    connect(firstRun, &FirstRunPage::addRepositoryWanted, this, &MainWindow::openAddRepository);
    m_nav->add(Clusters, tr("Clusters"), QStringLiteral("clusters"),
               QKeySequence(Qt::CTRL | Qt::Key_1));
    m_nav->add(Points, tr("Recovery points"), QStringLiteral("points"),
               QKeySequence(Qt::CTRL | Qt::Key_2));
    m_nav->add(Restore, tr("Restore"), QStringLiteral("restore"),
               QKeySequence(Qt::CTRL | Qt::Key_3));
    m_nav->add(Settings, tr("Settings"), QStringLiteral("settings"),
               QKeySequence(Qt::CTRL | Qt::Key_4));
}

void MainWindow::makeMenus()
{
    QMenu* file = menuBar()->addMenu(tr("&File"));
    file->addAction(tr("Add &repository …"), this, &MainWindow::openAddRepository);
    file->addAction(tr("Read &again"), QKeySequence(Qt::Key_F5), m_catalog, &Catalog::refresh);
    file->addSeparator();
    file->addAction(tr("&Quit"), QKeySequence(Qt::CTRL | Qt::Key_Q), this, &QWidget::close);
    QMenu* view = menuBar()->addMenu(tr("&View"));
    auto* looks = new QActionGroup(this);
    const auto addLook = [&](const QString& words, Look look) {
        QAction* action = view->addAction(words, this, [this, look] { setLook(look); });
        action->setCheckable(true);
        action->setChecked(m_settings.look() == look);
        looks->addAction(action);
    };
    addLook(tr("&Light"), Look::Light);
    addLook(tr("&Dark"), Look::Dark);
    addLook(tr("&High contrast"), Look::HighContrast);
    QMenu* restore = menuBar()->addMenu(tr("&Restore"));
    restore->addAction(tr("&Restore a cluster"), this, [this] { beginRestore({}, {}); });
}

QWidget* MainWindow::makeStatus()
{
    auto* status = new QWidget;
    status->setFixedHeight(28);
    auto* row = new QHBoxLayout(status);
    row->setContentsMargins(16, 0, 16, 0);
    row->addWidget(m_readAt, 1);
    m_time->setAccessibleName(tr("Time now"));
    row->addWidget(m_time);
    return status;
}

void MainWindow::connectPages()
{
    connect(m_nav, &NavBar::chosen, this, [this](int page) {
        if (page == Restore && !m_flow->isOpen())
            beginRestore({}, {});
        else
            open(static_cast<Page>(page));
    });
    connect(m_clusters, &ClustersPage::pointsWanted, this, [this](const QString& cluster) {
        m_points->setCluster(cluster);
        open(Points);
    });
    // The cluster of a restore is always asked for: a selected row is not an answer.
    connect(m_clusters, &ClustersPage::restoreWanted, this, [this] { beginRestore({}, {}); });
    connect(m_clusters, &ClustersPage::addRepositoryWanted, this, &MainWindow::openAddRepository);
    connect(m_points, &PointsPage::restoreWanted, this, &MainWindow::beginRestore);
    connect(m_flow, &RestoreFlow::left, this, [this] {
        open(Clusters);
        offerDraft();
    });
    connect(m_flow, &RestoreFlow::saved, m_readAt, &QLabel::setText);
    connect(m_catalog, &Catalog::changed, this, &MainWindow::showReadTime);
}

void MainWindow::open(Page page)
{
    if (m_firstRun && page != Settings)
        page = FirstRun;
    // Asked before the page is shown: hiding the other moves the focus to the first field of this.
    QWidget* shown = m_pages->widget(page);
    QWidget* focus = shown->focusWidget();
    m_pages->setCurrentIndex(page);
    m_nav->setCurrent(page == FirstRun ? Clusters : page);
    m_nav->setWidth(page == Restore ? NavBar::Width::Icons : NavBar::Width::Words);
    (focus != nullptr ? focus : shown)->setFocus();
    if (page == Restore)
        m_offer->hide();
    else
        showReadTime();
}

void MainWindow::beginRestore(const QString& cluster, const QString& backup)
{
    if (!m_flow->isRunning())
        m_flow->begin(cluster, backup);
    open(m_firstRun ? FirstRun : Restore);
}

void MainWindow::offerDraft()
{
    if (m_flow->isRunning())
        return;
    const auto draft = m_drafts.newest();
    m_offer->setVisible(draft.has_value());
    if (!draft)
        return;
    m_offer->clearButtons();
    const bool started = !draft->planHash.empty();
    m_offer->setWords(
        started ? tr("A restore of %1 was started and did not end")
                      .arg(QString::fromStdString(draft->choice.cluster))
                : tr("A restore of %1 is not finished")
                      .arg(QString::fromStdString(draft->choice.cluster)),
        tr("Saved at %1. %2")
            .arg(text::inZone(draft->savedAt, m_parts.zones.viewer),
                 started ? tr("What it wrote stays in %1.")
                               .arg(QString::fromStdString(draft->choice.destination.string()))
                         : tr("Nothing was changed yet.")));
    connect(m_offer->addButton(tr("Continue the restore")), &QPushButton::clicked, this,
            [this, draft = *draft] {
                m_flow->resume(draft);
                open(Restore);
            });
    connect(m_offer->addButton(tr("Forget it")), &QPushButton::clicked, this,
            [this, id = draft->id] {
                m_offer->hide();
                if (const Result<> removed = m_drafts.remove(id); !removed.ok()) {
                    m_offer->showError(removed.error());
                    m_offer->show();
                }
            });
}

void MainWindow::tick()
{
    const Moment now = m_parts.clock.now();
    m_time->setText(
        QStringLiteral("%1  = %2").arg(text::inZone(now, m_parts.zones.viewer), text::inUtc(now)));
    if (const auto repository = m_parts.desk->takeQuestion())
        askPassphrase(*repository);
}

void MainWindow::showReadTime()
{
    if (m_pages->currentWidget() == m_flow)
        return;
    const auto readAt = m_catalog->readAt();
    const QString at = readAt ? text::timeOnly(*readAt, m_parts.zones.viewer) : QString();
    if (m_catalog->state() == Catalog::State::Reading)
        m_readAt->setText(readAt ? tr("Reading again. Shown as of %1").arg(at)
                                 : tr("Reading the repositories"));
    else if (m_catalog->error())
        m_readAt->setText(readAt ? tr("Could not read again. Shown as of %1").arg(at)
                                 : tr("Could not read the repositories"));
    else
        m_readAt->setText(readAt ? tr("Repositories read at %1").arg(at) : QString());
}

void MainWindow::setLook(Look look)
{
    applyLook(look);
    if (const Result<> kept = m_settings.setLook(look); !kept.ok())
        m_readAt->setText(
            tr("The colours are not remembered: the state folder cannot be written."));
}

void MainWindow::openAddRepository()
{
    auto* dialog = new RepositoryDialog(m_parts.backend, this);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    connect(dialog, &QDialog::accepted, this, [this] {
        m_firstRun = false;
        open(Clusters);
        m_catalog->refresh();
    });
    dialog->open();
}

void MainWindow::askPassphrase(const std::string& repository)
{
    auto* dialog = new QInputDialog(this);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setWindowTitle(tr("Passphrase"));
    dialog->setLabelText(tr("Passphrase of repository %1. It is kept in memory until Salvor is "
                            "closed.")
                             .arg(QString::fromStdString(repository)));
    dialog->setTextEchoMode(QLineEdit::Password);
    dialog->setOkButtonText(tr("Open the repository"));
    dialog->setCancelButtonText(tr("Leave it closed"));
    connect(dialog, &QDialog::finished, this, [this, dialog](int result) {
        const QByteArray typed = dialog->textValue().toUtf8();
        if (result == QDialog::Accepted)
            m_parts.desk->answer(Secret(
                std::string_view(typed.constData(), static_cast<std::size_t>(typed.size()))));
        else
            m_parts.desk->answer(std::nullopt);
    });
    dialog->open();
}

void MainWindow::closeEvent(QCloseEvent* event)
{
    if (!m_flow->isRunning()) {
        event->accept();
        return;
    }
    event->ignore();
    m_flow->askToStop(tr("Salvor cannot be closed while it restores. Stop the restore?"));
}

} // namespace salvor::gui
