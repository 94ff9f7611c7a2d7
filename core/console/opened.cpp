#include "core/console/opened.h"

#include "core/base/subprocess.h"
#include "core/base/text.h"
#include "core/repository/key_sheet.h"
#include "core/storage/open_driver.h"

#include <cstdlib>
#include <sstream>

namespace salvor::console {

namespace {

using repository::Unlock;

/// A command prints a passphrase, or what a key file holds.
Unlock fromText(std::string_view text)
{
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r'))
        text.remove_suffix(1);
    constexpr std::size_t keySize = 32;
    if (auto bytes = fromBase64(text); bytes.ok() && bytes->size() == keySize) {
        Unlock unlock{Unlock::Kind::KeyFile, Secret(ByteView(*bytes))};
        wipeMemory(*bytes);
        return unlock;
    }
    return {Unlock::Kind::Passphrase, Secret(text)};
}

Result<Unlock> fromCommand(const settings::RepositoryConfig& place)
{
    Command command;
    std::istringstream words(place.keyCommand);
    for (std::string word; words >> word;)
        command.argv.push_back(word);
    auto output = runChecked(command);
    if (!output.ok())
        return std::move(output).error().in("key command of repository '" + place.name + "'");
    std::string& printed = *output;
    Unlock unlock = fromText(printed);
    wipeMemory(MutableByteView(reinterpret_cast<std::byte*>(printed.data()), printed.size()));
    if (unlock.secret.empty())
        return fail(ErrorCode::NotReady,
                    "the key command of repository '" + place.name + "' printed nothing",
                    "Let it print the passphrase on standard output.");
    return unlock;
}

/// A key file may hold the private key of an X25519 slot as well: both are 32 bytes.
Result<std::unique_ptr<repository::Repository>>
openWith(const std::shared_ptr<storage::Driver>& driver, const Unlock& unlock)
{
    auto opened = repository::Repository::open(driver, unlock);
    if (opened.ok() || opened.error().code != ErrorCode::Denied
        || unlock.kind != Unlock::Kind::KeyFile)
        return opened;
    auto again =
        repository::Repository::open(driver, {Unlock::Kind::PrivateKey, unlock.secret.duplicate()});
    return again.ok() ? std::move(again) : std::move(opened);
}

storage::PlaceOptions optionsOf(const settings::RepositoryConfig& place)
{
    storage::PlaceOptions options;
    options.url = place.url;
    options.endpoint = place.endpoint;
    options.region = place.region;
    options.pathStyle = place.pathStyle;
    options.caFile = place.caFile;
    options.credentials = place.credentials;
    options.sse = place.sse;
    options.storageClass = place.storageClass;
    options.lockDays = place.lockDays;
    options.rates = {place.uploadLimit, place.downloadLimit};
    return options;
}

} // namespace

Result<std::shared_ptr<storage::Driver>> openPlace(const settings::RepositoryConfig& place,
                                                   const std::stop_token& stop)
{
    storage::PlaceOptions options = optionsOf(place);
    options.stop = stop;
    SALVOR_TRY(auto driver, storage::openDriver(options));
    return std::shared_ptr<storage::Driver>(std::move(driver));
}

Result<std::unique_ptr<storage::BucketLifecycle>>
openPlaceLifecycle(const settings::RepositoryConfig& place, const std::stop_token& stop)
{
    storage::PlaceOptions options = optionsOf(place);
    options.stop = stop;
    return storage::openLifecycle(options);
}

Error withoutName(Error error, const std::string& repository)
{
    const std::string name = "repository '" + repository + "': ";
    if (error.message.starts_with(name))
        error.message.erase(0, name.size());
    return error;
}

Result<Unlock> unlockFor(const settings::RepositoryConfig& place, const AskPassphrase& ask)
{
    if (!place.encrypted)
        return Unlock{};
    if (!place.keyFile.empty()) {
        SALVOR_TRY(Secret key,
                   repository::readKeyFile(place.keyFile).in("repository '" + place.name + "'"));
        return Unlock{Unlock::Kind::KeyFile, std::move(key)};
    }
    if (!place.keyCommand.empty())
        return fromCommand(place);
    const char* given = // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets it.
        std::getenv("SALVOR_PASSPHRASE");
    if (given != nullptr && *given != '\0')
        return Unlock{Unlock::Kind::Passphrase, Secret(std::string_view(given))};
    if (!ask)
        return fail(ErrorCode::Denied,
                    "repository '" + place.name + "' is encrypted and no key is at hand",
                    "Name a key-file or key-command in the configuration, or set "
                    "SALVOR_PASSPHRASE.");
    SALVOR_TRY(Secret passphrase, ask(place.name));
    return Unlock{Unlock::Kind::Passphrase, std::move(passphrase)};
}

Result<std::shared_ptr<repository::Repository>> Console::open(const std::string& name)
{
    const std::lock_guard lock(m_opened->mutex);
    if (const auto known = m_opened->repositories.find(name); known != m_opened->repositories.end())
        return known->second;
    SALVOR_TRY(auto opened, openAnew(name, Patience::Full));
    m_opened->repositories.emplace(name, opened);
    return opened;
}

Result<std::shared_ptr<repository::Repository>> Console::openAnew(const std::string& name,
                                                                  Patience patience) const
{
    SALVOR_TRY(const auto place, m_config.repository(name));
    const std::string doing = "repository '" + name + "'";
    storage::PlaceOptions options = optionsOf(place);
    options.hasty = patience == Patience::Short;
    SALVOR_TRY(auto driver, storage::openDriver(options).in(doing));
    SALVOR_TRY(const Unlock unlock, unlockFor(place, m_ask));
    SALVOR_TRY(auto opened,
               openWith(std::shared_ptr<storage::Driver>(std::move(driver)), unlock).in(doing));
    return std::shared_ptr<repository::Repository>(std::move(opened));
}

Result<Secret> Console::keySheet(const std::string& name)
{
    SALVOR_TRY(const auto place, m_config.repository(name));
    if (!place.encrypted)
        return fail(ErrorCode::InvalidInput, "repository '" + name + "' is plain: it has no keys");
    SALVOR_TRY(const Unlock unlock, unlockFor(place, m_ask));
    if (unlock.kind == Unlock::Kind::Passphrase)
        return fail(ErrorCode::InvalidInput,
                    "repository '" + name + "' is opened by a passphrase here",
                    "Write that down itself, or add a key file and name it in the configuration: "
                    "salvorctl repo key add --key-file.");
    const std::string doing = "repository '" + name + "'";
    SALVOR_TRY(const auto driver, openPlace(place).in(doing));
    SALVOR_TRY(const auto repository, openWith(driver, unlock).in(doing));
    return repository::keySheetText({name, place.url, repository->info().id,
                                     repository->keys().canReadContents(), systemClock().now()},
                                    unlock.secret);
}

void Console::reopen(const std::string& name)
{
    const std::lock_guard lock(m_opened->mutex);
    m_opened->repositories.erase(name);
}

} // namespace salvor::console
