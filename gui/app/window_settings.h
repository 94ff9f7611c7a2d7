// What the window remembers of itself, and where the machine keeps such things.
#pragma once

#include "core/base/file.h"
#include "gui/widgets/theme.h"

namespace salvor::gui {

/// $XDG_STATE_HOME/salvor, or ~/.local/state/salvor.
[[nodiscard]] Path stateFolder();
/// $XDG_CONFIG_HOME/salvor, or ~/.config/salvor.
[[nodiscard]] Path configFolder();

/// window.json in the state folder. A missing or damaged file gives the defaults; unknown members
/// are kept.
class WindowSettings {
public:
    explicit WindowSettings(const Path& folder)
        : m_file(folder / "window.json")
    {}
    [[nodiscard]] Look look() const;
    [[nodiscard]] Result<> setLook(Look look) const;

private:
    Path m_file;
};

} // namespace salvor::gui
