// What stands there before there is a configuration.
#pragma once

#include "gui/models/backend.h"

#include <QWidget>

namespace salvor::gui {

class FirstRunPage final : public QWidget {
    Q_OBJECT
public:
    explicit FirstRunPage(const Backend& backend, QWidget* parent = nullptr);

Q_SIGNALS:
    void addRepositoryWanted();
};

} // namespace salvor::gui
