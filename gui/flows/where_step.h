// Where to, and what happens there afterwards?
#pragma once

#include "gui/flows/flow_page.h"
#include "gui/widgets/parts.h"

#include <map>

class QComboBox;
class QFormLayout;
class QLineEdit;
class QRadioButton;
class QSpinBox;

namespace salvor::gui {

/// A new directory on this machine; nothing existing is touched.
class WhereStep final : public FlowPage {
    Q_OBJECT
public:
    explicit WhereStep(FlowContext& context);

    void enter() override;
    [[nodiscard]] QString question() const override { return tr("Where to?"); }
    [[nodiscard]] QString answer() const override;
    [[nodiscard]] QString verb() const override { return tr("Check everything"); }
    [[nodiscard]] bool isComplete() const override { return problem().isEmpty(); }
    [[nodiscard]] QString hint() const override { return problem(); }

private:
    [[nodiscard]] QWidget* makePlace();
    [[nodiscard]] QWidget* makeAfterwards();
    void showTablespaces();
    void take();
    void showActions();
    void browse();
    [[nodiscard]] QString problem() const;

    QLineEdit* m_directory;
    QFormLayout* m_tablespaceForm;
    QWidget* m_tablespaceBox;
    std::map<std::uint32_t, QLineEdit*> m_tablespaces;
    QLineEdit* m_owner;
    QRadioButton* m_start;
    QRadioButton* m_files;
    QSpinBox* m_port;
    QComboBox* m_action;
    Text* m_actionWords;
    bool m_filling = false;
};

} // namespace salvor::gui
