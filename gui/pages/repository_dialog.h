// Adds a repository: where it is, how it is opened, and a test of the connection first.
#pragma once

#include "gui/models/backend.h"
#include "gui/widgets/parts.h"

#include <QDialog>

class QCheckBox;
class QComboBox;
class QFormLayout;
class QLineEdit;
class QListWidget;
class QStackedWidget;

namespace salvor::gui {

class JobBridge;

/// A repository is added only after the place passed the test with just these values. Shown by
/// open(). accepted() is emitted once the configuration is written.
class RepositoryDialog final : public QDialog {
    Q_OBJECT
public:
    RepositoryDialog(std::shared_ptr<Backend> backend, QWidget* parent);

    /// What the fields say.
    [[nodiscard]] settings::RepositoryConfig values() const;
    /// Why these values cannot be tried; empty when they can.
    [[nodiscard]] QString problem() const;

protected:
    void reject() override;

private:
    [[nodiscard]] QWidget* makePlace();
    [[nodiscard]] QWidget* makeS3();
    [[nodiscard]] QWidget* makeKey();
    [[nodiscard]] QWidget* makeFoot();
    void watchFields();
    void showKind(int kind);
    void browse();
    void showState();
    void test();
    void showTest(const Result<console::Console::ConnectionTest>& result);
    void add();
    void addFinding(Mark mark, const std::string& sentence);

    std::shared_ptr<Backend> m_backend;
    QLineEdit* m_name;
    QPushButton* m_folderKind;
    QPushButton* m_s3Kind;
    QStackedWidget* m_kinds;
    QLineEdit* m_folder;
    QLineEdit* m_bucket;
    QLineEdit* m_endpoint;
    QLineEdit* m_region;
    QCheckBox* m_pathStyle;
    QLineEdit* m_caFile;
    QComboBox* m_credentials;
    QLineEdit* m_credentialsArgument;
    QComboBox* m_key;
    QLineEdit* m_keyFile;
    QListWidget* m_findings;
    Notice* m_notice;
    Text* m_reason;
    QPushButton* m_test;
    QPushButton* m_add;
    JobBridge* m_job = nullptr;
    bool m_tested = false;       ///< Just these values passed.
    bool m_isRepository = false; ///< As the last test found.
};

} // namespace salvor::gui
