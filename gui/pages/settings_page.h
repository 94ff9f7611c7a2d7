// Settings of the window itself, and where the configuration is.
#pragma once

#include "gui/models/backend.h"
#include "gui/widgets/parts.h"

class QComboBox;

namespace salvor::gui {

class SettingsPage final : public QWidget {
    Q_OBJECT
public:
    SettingsPage(const Backend& backend, Look look, QWidget* parent = nullptr);

Q_SIGNALS:
    void lookChosen(salvor::gui::Look look);

private:
    QComboBox* m_look;
};

} // namespace salvor::gui
