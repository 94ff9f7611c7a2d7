// archive-get: from the first repository of a cluster that gives the file.
#include "core/base/log.h"
#include "core/console/console.h"
#include "core/postgres/control_file.h"
#include "core/repository/wal_pieces.h"
#include "core/wal/archive.h"

#include <algorithm>

namespace salvor::console {

namespace {

/// The incarnation that the data directory we are in belongs to. PostgreSQL runs restore_command
/// there: a copy of an older incarnation must not be given the WAL of the newest.
Result<model::Incarnation> incarnationHere(const repository::Repository& repository,
                                           const std::string& cluster)
{
    std::error_code error;
    if (!std::filesystem::exists(Path("global") / "pg_control", error))
        return repository.incarnation(cluster);
    SALVOR_TRY(const auto control, postgres::readControlFile(Path(".")));
    SALVOR_TRY(const auto all, repository.incarnations(cluster));
    const auto own = std::find_if(all.rbegin(), all.rend(), [&](const auto& one) {
        return one.identity.systemIdentifier == control.identity.systemIdentifier;
    });
    if (own != all.rend())
        return *own;
    return fail(ErrorCode::NotReady,
                "the repository has no WAL of the cluster "
                    + std::to_string(control.identity.systemIdentifier) + " under the name '"
                    + cluster + "'",
                "Check that restore_command names the cluster that was restored.");
}

/// NotFound is PostgreSQL's word for "the archive ends here": nothing else may say it.
Error notTheEnd(Error error)
{
    if (error.code == ErrorCode::NotFound)
        error.code = ErrorCode::NotReady;
    return error;
}

/// NotFound only of a repository that is there.
Result<> fetch(const WalSource& source, const std::string& name, const Path& destination,
               wal::Take take)
{
    Result<> got = wal::archiveGet(*source.repository, source.incarnation, name, destination, take);
    if (got.ok() || got.error().code != ErrorCode::NotFound)
        return got;
    // A folder that is gone lists nothing.
    const auto there = repository::Repository::probe(source.repository->driver());
    return there.ok() ? std::move(got) : Result<>(notTheEnd(there.error()));
}

/// The one whose pieces of a begun segment reach furthest; nothing when there are none.
Result<const WalSource*> furthestBegun(const std::vector<WalSource>& sources,
                                       const std::string& name)
{
    const WalSource* best = nullptr;
    ByteCount covered = 0;
    for (const WalSource& source : sources) {
        const auto segment = model::parseSegmentName(name, source.incarnation.identity.segmentSize);
        if (!segment.ok())
            return best;
        SALVOR_TRY(const auto pieces,
                   repository::piecesOf(*source.repository, source.incarnation, *segment));
        if (const ByteCount own = repository::coveredBytes(pieces); own > covered) {
            covered = own;
            best = &source;
        }
    }
    return best;
}

/// What several repositories said of a file that none of them gave.
struct Asked {
    std::vector<WalSource> without; ///< Those that were read and lack it.
    std::optional<Error> failure;   ///< The first of the others.

    void add(const std::string& place, Result<WalSource> source, const Error& error)
    {
        if (error.code == ErrorCode::NotFound)
            without.push_back(*std::move(source));
        else if (!failure)
            failure = Error(error).in("repository '" + place + "'");
    }
    [[nodiscard]] Error verdict(const std::string& name) const
    {
        if (!failure)
            return fail(ErrorCode::NotFound, "WAL file '" + name + "' is in no repository");
        Error error = *failure;
        if (!without.empty())
            error.hint += std::string(error.hint.empty() ? "" : " ")
                          + "Other repositories lack the file, this one may hold it. If it is gone "
                            "for good, take it out of 'repository' of the cluster.";
        return error;
    }
};

void tellSource(const std::string& name, const WalSource& source, const std::optional<Error>& why)
{
    log(LogLevel::Warning, "'" + name + "' comes from repository '" + source.name + "'"
                               + (why ? ": " + why->message : ", the ones before it lack it"));
}

} // namespace

Result<WalSource> Console::walSource(const std::string& repository, const std::string& cluster)
{
    auto opened = open(repository);
    if (!opened.ok())
        return notTheEnd(std::move(opened).error());
    auto incarnation = incarnationHere(**opened, cluster);
    if (!incarnation.ok())
        return notTheEnd(std::move(incarnation).error());
    return WalSource{repository, *std::move(opened), *std::move(incarnation)};
}

Result<std::vector<WalSource>> Console::walSources(const std::string& cluster)
{
    SALVOR_TRY(const auto names, repositoriesOf(cluster));
    std::vector<WalSource> sources;
    std::optional<Error> failure;
    for (const std::string& name : names) {
        auto source = walSource(name, cluster);
        if (source.ok())
            sources.push_back(*std::move(source));
        else if (!failure)
            failure = std::move(source).error();
    }
    if (sources.empty())
        return *failure;
    return sources;
}

Result<> Console::getFromArchive(const std::string& cluster, const std::string& name,
                                 const Path& destination, wal::Take take)
{
    const auto names = repositoriesOf(cluster);
    if (!names.ok())
        return notTheEnd(names.error());
    if (names->size() == 1) {
        SALVOR_TRY(const WalSource only, walSource(names->front(), cluster));
        return fetch(only, name, destination, take);
    }
    Asked asked;
    for (const std::string& place : *names) {
        auto source = walSource(place, cluster);
        const Result<> got = source.ok() ? fetch(*source, name, destination, wal::Take::WholeOnly)
                                         : Result<>(source.error());
        if (got.ok()) {
            if (place != names->front())
                tellSource(name, *source, asked.failure);
            return {};
        }
        asked.add(place, std::move(source), got.error());
    }
    if (take == wal::Take::Begun) {
        SALVOR_TRY(const WalSource* begun, furthestBegun(asked.without, name));
        if (begun != nullptr)
            return fetch(*begun, name, destination, take);
    }
    return asked.verdict(name);
}

Result<Bytes> readFromAny(const std::vector<WalSource>& sources, std::atomic<std::size_t>& inTurn,
                          const model::Segment& segment)
{
    const std::size_t begin = inTurn;
    std::optional<Error> failure;
    for (std::size_t i = 0; i < sources.size(); ++i) {
        const std::size_t number = (begin + i) % sources.size();
        const WalSource& source = sources[number];
        auto bytes = source.repository->readSegment(source.incarnation, segment);
        if (bytes.ok()) {
            if (failure && failure->code != ErrorCode::NotFound) {
                log(LogLevel::Warning, "WAL comes from repository '" + source.name
                                           + "' from here on: " + failure->message);
                inTurn = number;
            }
            return bytes;
        }
        if (!failure || failure->code == ErrorCode::NotFound)
            failure = std::move(bytes).error();
    }
    return *failure;
}

} // namespace salvor::console
