// Which moment?
#pragma once

#include "gui/flows/flow_page.h"
#include "gui/flows/plan_job.h"
#include "gui/widgets/parts.h"
#include "gui/widgets/range_strip.h"

#include <QTimer>

class QButtonGroup;
class QComboBox;
class QDateTimeEdit;
class QLineEdit;
class QRadioButton;
class QStackedWidget;

namespace salvor::gui {

class MomentStep final : public FlowPage {
    Q_OBJECT
public:
    explicit MomentStep(FlowContext& context);

    void enter() override;
    [[nodiscard]] QString question() const override { return tr("Which moment?"); }
    [[nodiscard]] QString answer() const override;
    [[nodiscard]] QString verb() const override { return tr("Choose where to restore"); }
    [[nodiscard]] bool isComplete() const override;
    [[nodiscard]] QString hint() const override;

private:
    enum Kind { Latest, Time, RestorePoint, LsnKind, XidKind, BackupEnd };

    [[nodiscard]] QWidget* makeChooser();
    [[nodiscard]] QWidget* makeTimeFields();
    [[nodiscard]] static QWidget* makeLineField(QLineEdit* field, const QString& label,
                                                const QString& placeholder, const QString& note);
    void connectFields();
    [[nodiscard]] Kind kind() const;
    void chooseKind(Kind kind);
    void showKind();
    void fillFromDraft();
    void setMoment(Moment moment);
    void typedTimeChanged();
    /// Reads the fields into the draft and asks for a plan, unless something is missing.
    void fieldsChanged();
    /// What the fields mean; unset, and the problem shown, while something is missing.
    [[nodiscard]] std::optional<model::RecoveryTarget> target();
    [[nodiscard]] std::optional<model::TimeTarget> typedMoment();
    [[nodiscard]] std::optional<model::RestorePointTarget> typedRestorePoint();
    [[nodiscard]] std::optional<model::LsnTarget> typedLsn();
    [[nodiscard]] std::optional<model::XidTarget> typedXid();
    void ask();
    void showAnswer(const PlanAnswer& answer);
    void showProblem(const QString& sentence);
    void showUnreachable(const Error& error, const finder::Nearest& nearest);
    void showReadBack(const model::RestorePlan& plan);
    [[nodiscard]] text::Zones zones() const;

    PageHeader* m_header;
    RangeStrip* m_strip;
    QButtonGroup* m_kinds;
    QStackedWidget* m_fields;
    QDateTimeEdit* m_utc;
    QLineEdit* m_typed;
    QComboBox* m_serverZone;
    QLineEdit* m_restorePoint;
    QLineEdit* m_lsn;
    QLineEdit* m_xid;
    QComboBox* m_backup;
    QRadioButton* m_keep;
    QRadioButton* m_leaveOut;
    Notice* m_notice;
    PlanJob* m_plan;
    QTimer m_pause; ///< Between the last key and the question.
    QString m_problem;
    bool m_filling = false;
};

} // namespace salvor::gui
