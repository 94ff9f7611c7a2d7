// Repositories: making, keys, trying a connection, verifying.
#include "core/console/opened.h"
#include "core/storage/conformance.h"

#include <random>
#include <unistd.h>

namespace salvor::console {

namespace {

using repository::Unlock;

/// Makes the key file that the configuration names, when it is not there. True when it was made.
Result<bool> makeMissingKey(const settings::RepositoryConfig& place)
{
    std::error_code error;
    if (!place.encrypted || place.keyFile.empty() || std::filesystem::exists(place.keyFile, error))
        return false;
    SALVOR_CHECK(createDirectories(place.keyFile.parent_path()));
    SALVOR_TRY(const Secret key, repository::createKeyFile(place.keyFile));
    return true;
}

std::string scratchPrefix()
{
    std::random_device random;
    return "connection-test-" + std::to_string(random()) + "/";
}

} // namespace

Result<repository::RepositoryInfo> Console::initRepository(const std::string& name,
                                                           const std::string& copyOf)
{
    SALVOR_TRY(const auto place, m_config.repository(name));
    std::shared_ptr<repository::Repository> original;
    if (!copyOf.empty()) {
        SALVOR_TRY(original, open(copyOf));
    }
    SALVOR_TRY(const auto driver, openPlace(place));
    SALVOR_TRY(const bool madeKey, makeMissingKey(place));
    Unlock unlock;
    const auto init = [&]() -> Result<repository::RepositoryInfo> {
        repository::InitOptions options;
        options.encrypted = place.encrypted;
        options.copyOf = original.get();
        SALVOR_TRY(unlock, unlockFor(place, m_ask));
        options.firstKey = {unlock.kind, unlock.secret.duplicate()};
        return repository::Repository::init(*driver, options);
    };
    auto made = init();
    // A key that opens nothing would only be taken for one that does.
    if (!made.ok() && madeKey)
        ::unlink(place.keyFile.c_str());
    reopen(name);
    if (made.ok() && original != nullptr) {
        // Not by open(): whoever typed a passphrase is not asked for it again.
        SALVOR_TRY(const auto copy, repository::Repository::open(driver, unlock));
        SALVOR_CHECK(repository::copyIncarnations(*original, *copy));
    }
    return std::move(made).in("repository '" + name + "'");
}

Result<repository::CopyReport> Console::copyRepository(const std::string& from,
                                                       const std::string& to,
                                                       const repository::CopyRequest& request,
                                                       JobContext& job)
{
    SALVOR_TRY(const auto source, open(from));
    SALVOR_TRY(const auto target, open(to));
    return repository::copyRepository(*source, *target, request, job);
}

Result<repository::RepositoryInfo> Console::repositoryInfo(const std::string& name)
{
    SALVOR_TRY(const auto place, m_config.repository(name));
    SALVOR_TRY(const auto driver, openPlace(place));
    return repository::Repository::probe(*driver).in("repository '" + name + "'");
}

Result<std::vector<repository::KeySlot>> Console::keys(const std::string& name)
{
    SALVOR_TRY(const auto repository, open(name));
    return repository->slots();
}

Result<repository::KeySlot> Console::addKey(const std::string& name, const Unlock& key,
                                            repository::SlotAccess access, const std::string& label)
{
    SALVOR_TRY(const auto repository, open(name));
    return repository->addSlot(key, access, label);
}

Result<> Console::removeKey(const std::string& name, const std::string& slot)
{
    SALVOR_TRY(const auto repository, open(name));
    return repository->removeSlot(slot);
}

Result<Console::ConnectionTest> Console::testConnection(const settings::RepositoryConfig& place,
                                                        JobContext& job)
{
    job.phase("test connection", 0);
    SALVOR_TRY(const auto driver, openPlace(place, job.stop));
    ConnectionTest test;
    for (const auto& finding : storage::checkConformance(*driver, scratchPrefix(), job.stop))
        (finding.ok ? test.passed : test.failed).push_back(finding.sentence);
    SALVOR_CHECK(job.proceed());
    test.good = test.failed.empty();
    test.isRepository = repository::Repository::probe(*driver).ok();
    return test;
}

} // namespace salvor::console
