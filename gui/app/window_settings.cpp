#include "gui/app/window_settings.h"

#include "core/base/json.h"

#include <QDir>

namespace salvor::gui {
namespace {

Path folderOf(const char* variable, const char* below)
{
    const QByteArray set = qgetenv(variable);
    // The XDG specification: a relative path there is to be ignored.
    if (!set.isEmpty() && set.startsWith('/'))
        return Path(set.toStdString()) / "salvor";
    return Path(QDir::homePath().toStdString()) / below / "salvor";
}

Json::Object read(const Path& file)
{
    const auto text = readTextFile(file, ByteCount{1} << 20U);
    if (!text.ok())
        return {};
    const auto json = Json::parse(*text);
    return json.ok() && json->asObject() != nullptr ? *json->asObject() : Json::Object{};
}

} // namespace

Path stateFolder()
{
    return folderOf("XDG_STATE_HOME", ".local/state");
}

Path configFolder()
{
    return folderOf("XDG_CONFIG_HOME", ".config");
}

Look WindowSettings::look() const
{
    const auto look = Json(read(m_file)).stringAt("look");
    return look.ok() ? lookFromName(QString::fromStdString(*look)) : Look::Light;
}

Result<> WindowSettings::setLook(Look look) const
{
    Json::Object json = read(m_file);
    json["schema"] = 1;
    json["look"] = lookName(look).toStdString();
    SALVOR_CHECK(createDirectories(m_file.parent_path()));
    const std::string text = Json(std::move(json)).prettyText();
    return writeFileDurably(m_file, asBytes(text));
}

} // namespace salvor::gui
