// The restore: pages in the window, one decision each, kept on disk at every page.
#pragma once

#include "gui/flows/flow_page.h"
#include "gui/widgets/parts.h"

#include <QTimer>

#include <array>
#include <memory>

class QPainter;
class QStackedWidget;

namespace salvor::gui {

class RunStep;

/// The list of steps at the left: number or tick, question, answer.
class StepList final : public QWidget {
    Q_OBJECT
public:
    explicit StepList(QWidget* parent = nullptr);
    struct Step {
        QString question;
        QString answer;
        Mark mark = Mark::Passed; ///< Once it is behind.
    };
    void setSteps(const QString& title, std::vector<Step> steps, int current);

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    void paintStep(QPainter& painter, int number, const QRect& box) const;

    QString m_title;
    std::vector<Step> m_steps;
    int m_current = 0;
};

class RestoreFlow final : public QWidget {
    Q_OBJECT
public:
    /// `home` is where new directories are proposed.
    RestoreFlow(std::unique_ptr<FlowContext> context, DraftStore store, Path home,
                QWidget* parent = nullptr);
    ~RestoreFlow() override;

    /// A new restore. Cluster and backup may be empty.
    void begin(const QString& cluster, const QString& backup);
    /// Goes on where a draft stopped. One that was running starts again at the checks.
    void resume(RestoreDraft draft);
    [[nodiscard]] bool isOpen() const { return m_open; }
    [[nodiscard]] bool isRunning() const;
    void stopSafely();
    /// Asks a person whether the running restore shall stop. `title` says why it is asked.
    void askToStop(const QString& title);
    [[nodiscard]] RestoreStep step() const;
    [[nodiscard]] QWidget* page() const;
    [[nodiscard]] QPushButton* primaryButton() const { return m_primary; }
    [[nodiscard]] const FlowContext& context() const { return *m_context; }

Q_SIGNALS:
    /// The flow was closed or left; the draft is kept unless it came to its end.
    void left();
    void saved(const QString& sentence);

protected:
    void keyPressEvent(QKeyEvent* event) override;
    void paintEvent(QPaintEvent* event) override;

private:
    void makePages();
    [[nodiscard]] QWidget* makeFoot();
    void go(RestoreStep step);
    void next();
    void back();
    void save();
    void finish();
    void showState();

    std::unique_ptr<FlowContext> m_context;
    DraftStore m_store;
    Path m_home;
    std::array<FlowPage*, 7> m_pages{};
    RunStep* m_run = nullptr;
    StepList* m_steps;
    QStackedWidget* m_stack;
    QPushButton* m_back;
    QPushButton* m_primary;
    Text* m_hint;
    Notice* m_notSaved;
    bool m_open = false;
    QTimer m_arming; ///< Runs while a second click on "Review" would fall on the commit button.
};

} // namespace salvor::gui
