#include "gui/pages/repository_dialog.h"

#include "core/model/cluster.h"
#include "gui/models/job_bridge.h"
#include "gui/text/error_text.h"

#include <QButtonGroup>
#include <QCheckBox>
#include <QComboBox>
#include <QDir>
#include <QFileDialog>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QLineEdit>
#include <QListWidget>
#include <QPainter>
#include <QStackedWidget>
#include <QVBoxLayout>

#include <algorithm>

namespace salvor::gui {
namespace {

enum class Key { File, Passphrase, None };
constexpr int labelWidth = 92; // One column for all forms of the dialog.

/// Draws its icon at the time of painting, so that it follows the palette.
QIcon markIcon(const Theme& theme, Mark mark)
{
    QPixmap pixmap(32, 32);
    pixmap.setDevicePixelRatio(2);
    pixmap.fill(Qt::transparent);
    QPainter painter(&pixmap);
    paintMark(painter, QRectF(0, 0, 16, 16), theme, mark);
    return {pixmap};
}

QFormLayout* makeForm()
{
    auto* form = new QFormLayout;
    form->setContentsMargins(0, 0, 0, 0);
    form->setHorizontalSpacing(16);
    form->setVerticalSpacing(8);
    form->setFieldGrowthPolicy(QFormLayout::ExpandingFieldsGrow);
    form->setLabelAlignment(Qt::AlignLeft | Qt::AlignVCenter);
    return form;
}

} // namespace

RepositoryDialog::RepositoryDialog(std::shared_ptr<Backend> backend, QWidget* parent)
    : QDialog(parent)
    , m_backend(std::move(backend))
    , m_name(new QLineEdit)
    , m_folderKind(makeButton(tr("F&older"), ButtonRole::Secondary))
    , m_s3Kind(makeButton(tr("&S3 storage"), ButtonRole::Secondary))
    , m_kinds(new QStackedWidget)
    , m_folder(new QLineEdit)
    , m_bucket(new QLineEdit)
    , m_endpoint(new QLineEdit)
    , m_region(new QLineEdit)
    , m_pathStyle(new QCheckBox(tr("Bucket in the &path, not in the host name")))
    , m_caFile(new QLineEdit)
    , m_credentials(new QComboBox)
    , m_credentialsArgument(new QLineEdit)
    , m_key(new QComboBox)
    , m_keyFile(new QLineEdit)
    , m_findings(new QListWidget)
    , m_notice(new Notice(Notice::Kind::Info))
    , m_reason(new Text({}, TextSize::Note, Ink::Muted))
    , m_test(makeButton(tr("&Test connection")))
    , m_add(makeButton(tr("&Add repository"), ButtonRole::Primary))
{
    setWindowTitle(tr("Add repository"));
    setModal(true);
    resize(720, 690);
    auto* header = new PageHeader(tr("Add repository"));
    header->setSentence(tr("A place for backups and WAL. The test writes, reads and removes small "
                           "objects there."));
    m_findings->setAccessibleName(tr("Findings of the test"));
    m_findings->setSelectionMode(QAbstractItemView::NoSelection);
    m_findings->setWordWrap(true);
    m_findings->setIconSize({16, 16});
    m_notice->hide();

    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(24, 16, 24, 16);
    column->setSpacing(12);
    column->addWidget(header);
    column->addWidget(makePlace());
    column->addWidget(makeKey());
    column->addWidget(m_findings, 1);
    column->addWidget(m_notice);
    column->addWidget(makeFoot());
    for (auto* form : findChildren<QFormLayout*>())
        for (int row = 0; row < form->rowCount(); ++row)
            if (QLayoutItem* label = form->itemAt(row, QFormLayout::LabelRole))
                label->widget()->setMinimumWidth(labelWidth);
    watchFields();
    showState();
    m_name->setFocus();
}

QWidget* RepositoryDialog::makePlace()
{
    m_name->setPlaceholderText(tr("nas-02"));
    for (QPushButton* button : {m_folderKind, m_s3Kind})
        button->setCheckable(true);
    auto* group = new QButtonGroup(this);
    group->addButton(m_folderKind, 0);
    group->addButton(m_s3Kind, 1);
    m_folderKind->setChecked(true);
    connect(group, &QButtonGroup::idClicked, this, &RepositoryDialog::showKind);
    connect(group, &QButtonGroup::idClicked, this, [this] {
        m_tested = false;
        showState();
    });
    auto* kinds = new QHBoxLayout;
    kinds->setSpacing(8);
    kinds->addWidget(m_folderKind);
    kinds->addWidget(m_s3Kind);
    kinds->addStretch();

    auto* folderPage = new QWidget;
    auto* folderForm = makeForm();
    folderPage->setLayout(folderForm);
    m_folder->setPlaceholderText(QStringLiteral("/srv/backup"));
    auto* browseButton = makeButton(tr("&Browse"), ButtonRole::Secondary, QStringLiteral("folder"));
    connect(browseButton, &QPushButton::clicked, this, &RepositoryDialog::browse);
    auto* folderRow = new QHBoxLayout;
    folderRow->setSpacing(8);
    folderRow->addWidget(m_folder, 1);
    folderRow->addWidget(browseButton);
    m_folder->setAccessibleName(tr("Folder"));
    folderForm->addRow(tr("Folder"), folderRow);
    m_kinds->addWidget(folderPage);
    m_kinds->addWidget(makeS3());
    m_kinds->setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Maximum);
    showKind(0);

    auto* place = new QWidget;
    auto* column = new QVBoxLayout(place);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(8);
    auto* form = makeForm();
    form->addRow(tr("&Name"), m_name);
    form->addRow(tr("Kind"), kinds);
    column->addLayout(form);
    column->addWidget(m_kinds);
    return place;
}

QWidget* RepositoryDialog::makeS3()
{
    auto* page = new QWidget;
    auto* form = makeForm();
    page->setLayout(form);
    m_bucket->setPlaceholderText(tr("bucket or bucket/prefix"));
    m_endpoint->setPlaceholderText(tr("https://s3.example.net:9000; empty for AWS"));
    m_region->setPlaceholderText(QStringLiteral("eu-central-1"));
    m_caFile->setPlaceholderText(tr("only for a private certificate authority"));
    m_credentials->addItem(tr("Environment variables"), QStringLiteral("env"));
    m_credentials->addItem(tr("AWS profile"), QStringLiteral("profile"));
    m_credentials->addItem(tr("Program that prints them"), QStringLiteral("process"));
    m_credentials->addItem(tr("Role of this machine"), QStringLiteral("instance"));
    m_credentials->addItem(tr("File"), QStringLiteral("file"));
    m_credentials->setAccessibleName(tr("Credentials"));
    m_credentialsArgument->setAccessibleName(tr("Name, program or file of the credentials"));
    auto* credentials = new QHBoxLayout;
    credentials->setSpacing(8);
    credentials->addWidget(m_credentials);
    credentials->addWidget(m_credentialsArgument, 1);
    form->addRow(tr("Buc&ket"), m_bucket);
    form->addRow(tr("&Endpoint"), m_endpoint);
    form->addRow(tr("Re&gion"), m_region);
    form->addRow(QString(), m_pathStyle);
    form->addRow(tr("&CA file"), m_caFile);
    form->addRow(tr("Credentials"), credentials);
    return page;
}

QWidget* RepositoryDialog::makeKey()
{
    auto* box = new QWidget;
    auto* form = makeForm();
    box->setLayout(form);
    m_key->addItem(tr("Key file, made when it is not there"), static_cast<int>(Key::File));
    m_key->addItem(tr("Passphrase, asked for when needed"), static_cast<int>(Key::Passphrase));
    m_key->addItem(tr("Not encrypted"), static_cast<int>(Key::None));
    m_key->setAccessibleName(tr("Encryption"));
    m_keyFile->setAccessibleName(tr("Key file"));
    m_keyFile->setPlaceholderText(tr("without this file no backup can be read: keep a copy"));
    auto* row = new QHBoxLayout;
    row->setSpacing(8);
    row->addWidget(m_key);
    row->addWidget(m_keyFile, 1);
    form->addRow(tr("Encryption"), row);
    return box;
}

QWidget* RepositoryDialog::makeFoot()
{
    auto* foot = new QWidget;
    auto* row = new QHBoxLayout(foot);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(8);
    auto* cancel = makeButton(tr("Cance&l"));
    connect(cancel, &QPushButton::clicked, this, &RepositoryDialog::reject);
    connect(m_test, &QPushButton::clicked, this, &RepositoryDialog::test);
    connect(m_add, &QPushButton::clicked, this, &RepositoryDialog::add);
    m_reason->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
    row->addWidget(cancel);
    row->addWidget(m_test);
    row->addWidget(m_reason, 1);
    row->addWidget(m_add);
    return foot;
}

void RepositoryDialog::watchFields()
{
    const auto changed = [this] {
        m_tested = false;
        showState();
    };
    for (QLineEdit* field : {m_name, m_folder, m_bucket, m_endpoint, m_region, m_caFile,
                             m_credentialsArgument, m_keyFile})
        connect(field, &QLineEdit::textChanged, this, changed);
    connect(m_credentials, &QComboBox::currentIndexChanged, this, changed);
    connect(m_key, &QComboBox::currentIndexChanged, this, changed);
    connect(m_pathStyle, &QCheckBox::toggled, this, changed);
    // The key lies beside the configuration until somebody says otherwise.
    connect(m_name, &QLineEdit::textChanged, this, [this](const QString& name) {
        if (!m_keyFile->isModified())
            m_keyFile->setText(
                QString::fromStdString(m_backend->configFile().parent_path().string())
                + QStringLiteral("/%1.key").arg(name));
    });
}

void RepositoryDialog::showKind(int kind)
{
    // A page that is not shown takes no room.
    for (int i = 0; i < m_kinds->count(); ++i)
        m_kinds->widget(i)->setSizePolicy(QSizePolicy::Preferred, i == kind ? QSizePolicy::Preferred
                                                                            : QSizePolicy::Ignored);
    m_kinds->setCurrentIndex(kind);
}

void RepositoryDialog::browse()
{
    auto* dialog = new QFileDialog(this, tr("Folder of the repository"), m_folder->text());
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setFileMode(QFileDialog::Directory);
    connect(dialog, &QFileDialog::fileSelected, m_folder, &QLineEdit::setText);
    dialog->open();
}

settings::RepositoryConfig RepositoryDialog::values() const
{
    settings::RepositoryConfig config;
    config.name = m_name->text().trimmed().toStdString();
    if (m_folderKind->isChecked()) {
        config.url = "file://" + m_folder->text().trimmed().toStdString();
    } else {
        config.url = "s3://" + m_bucket->text().trimmed().toStdString();
        config.endpoint = m_endpoint->text().trimmed().toStdString();
        config.region = m_region->text().trimmed().toStdString();
        config.pathStyle = m_pathStyle->isChecked();
        config.caFile = m_caFile->text().trimmed().toStdString();
        config.credentials = m_credentials->currentData().toString().toStdString();
        if (m_credentialsArgument->isVisibleTo(this))
            config.credentials += ":" + m_credentialsArgument->text().trimmed().toStdString();
    }
    const auto key = static_cast<Key>(m_key->currentData().toInt());
    config.encrypted = key != Key::None;
    if (key == Key::File)
        config.keyFile = m_keyFile->text().trimmed().toStdString();
    return config;
}

QString RepositoryDialog::problem() const
{
    const std::string name = m_name->text().trimmed().toStdString();
    const auto known = m_backend->repositoryNames();
    if (name.empty())
        return tr("Give it a name.");
    if (!model::isValidName(name))
        return tr("The name takes letters, digits, “_”, “-” and “.”.");
    if (std::find(known.begin(), known.end(), name) != known.end())
        return tr("There is a repository of this name already.");
    if (m_folderKind->isChecked() && !QDir::isAbsolutePath(m_folder->text().trimmed()))
        return tr("Name the folder from the root on: /srv/backup.");
    if (m_s3Kind->isChecked() && m_bucket->text().trimmed().isEmpty())
        return tr("Name the bucket.");
    if (m_credentialsArgument->isVisibleTo(this)
        && m_credentialsArgument->text().trimmed().isEmpty())
        return tr("Say which credentials.");
    const auto key = static_cast<Key>(m_key->currentData().toInt());
    if (key == Key::File && !QDir::isAbsolutePath(m_keyFile->text().trimmed()))
        return tr("Name the key file from the root on.");
    return {};
}

void RepositoryDialog::showState()
{
    const QString kind = m_credentials->currentData().toString();
    m_credentialsArgument->setVisible(kind == QStringLiteral("profile")
                                      || kind == QStringLiteral("process")
                                      || kind == QStringLiteral("file"));
    m_keyFile->setVisible(static_cast<Key>(m_key->currentData().toInt()) == Key::File);
    const QString wrong = problem();
    const bool busy = m_job != nullptr;
    m_test->setEnabled(wrong.isEmpty() && !busy);
    m_add->setEnabled(m_tested && wrong.isEmpty() && !busy);
    m_add->setText(m_tested && m_isRepository ? tr("&Add existing repository")
                                              : tr("&Add repository"));
    m_reason->setText(!wrong.isEmpty() ? wrong
                      : busy           ? tr("Working.")
                      : m_tested       ? QString()
                                       : tr("Test the connection first."));
}

void RepositoryDialog::addFinding(Mark mark, const std::string& sentence)
{
    auto* item = new QListWidgetItem(markIcon(themeOf(palette()), mark), text::asSentence(sentence),
                                     m_findings);
    item->setData(Qt::AccessibleTextRole,
                  (mark == Mark::Passed ? tr("Passed: %1") : tr("Failed: %1")).arg(item->text()));
}

void RepositoryDialog::test()
{
    m_findings->clear();
    m_notice->hide();
    m_job = startJob<console::Console::ConnectionTest>(
        this,
        [backend = m_backend, place = values()](JobContext& job) {
            return backend->testConnection(place, job);
        },
        [this](const Result<console::Console::ConnectionTest>& result) {
            m_job = nullptr;
            showTest(result);
        });
    showState();
}

void RepositoryDialog::showTest(const Result<console::Console::ConnectionTest>& result)
{
    m_notice->clearButtons();
    if (!result.ok()) {
        m_notice->showError(result.error(), [this] { test(); });
    } else {
        for (const auto& sentence : result->failed)
            addFinding(Mark::Breach, sentence);
        for (const auto& sentence : result->passed)
            addFinding(Mark::Passed, sentence);
        m_tested = result->good;
        m_isRepository = result->isRepository;
        m_notice->setKind(result->good ? Notice::Kind::Info : Notice::Kind::Breach);
        if (!result->good)
            m_notice->setWords(tr("This place cannot hold a repository"),
                               tr("What failed stands on top of the list. Nothing was saved."));
        else if (result->isRepository)
            m_notice->setWords(tr("There is a repository at this place"),
                               tr("It is added as it is. Nothing in it is changed."));
        else
            m_notice->setWords(tr("This place can hold a repository"),
                               tr("A new one will be made there."));
    }
    m_notice->show();
    showState();
}

void RepositoryDialog::add()
{
    const auto place = m_isRepository ? Backend::Place::Existing : Backend::Place::New;
    m_job = startJob<std::monostate>(
        this,
        [backend = m_backend, config = values(), place](JobContext& job) -> Result<std::monostate> {
            SALVOR_CHECK(backend->addRepository(config, place, job));
            return std::monostate{};
        },
        [this](const Result<std::monostate>& result) {
            m_job = nullptr;
            showState();
            if (result.ok()) {
                accept();
                return;
            }
            m_notice->showError(result.error(), [this] { add(); });
            m_notice->show();
        });
    showState();
}

void RepositoryDialog::reject()
{
    if (m_job != nullptr)
        m_job->cancel();
    QDialog::reject();
}

} // namespace salvor::gui
