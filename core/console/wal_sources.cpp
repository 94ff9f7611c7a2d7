// archive-get: from the first repository of a cluster that gives the file.
#include "core/base/log.h"
#include "core/console/archiving.h"
#include "core/console/console.h"
#include "core/console/outages.h"
#include "core/postgres/control_file.h"
#include "core/repository/stand_in.h"
#include "core/repository/wal_pieces.h"
#include "core/wal/archive.h"

#include <algorithm>

namespace salvor::console {

namespace {

using SystemIdentifier = std::optional<std::uint64_t>;

/// Of the data directory that we are in; nothing when we are in none.
Result<SystemIdentifier> systemHere()
{
    std::error_code error;
    if (!std::filesystem::exists(Path("global") / "pg_control", error))
        return SystemIdentifier();
    SALVOR_TRY(const auto control, postgres::readControlFile(Path(".")));
    return SystemIdentifier(control.identity.systemIdentifier);
}

/// The incarnation that the data directory we are in belongs to. PostgreSQL runs restore_command
/// there: a copy of an older incarnation must not be given the WAL of the newest.
Result<model::Incarnation> incarnationOf(const repository::Repository& repository,
                                         const std::string& cluster, const SystemIdentifier& system)
{
    if (!system)
        return repository.incarnation(cluster);
    SALVOR_TRY(const auto all, repository.incarnations(cluster));
    const auto own = std::find_if(all.rbegin(), all.rend(), [&](const auto& one) {
        return one.identity.systemIdentifier == *system;
    });
    if (own != all.rend())
        return *own;
    return fail(ErrorCode::NotReady,
                "the repository has no WAL of the cluster " + std::to_string(*system)
                    + " under the name '" + cluster + "'",
                "Check that restore_command names the cluster that was restored.");
}

/// NotFound is PostgreSQL's word for "the archive ends here": nothing else may say it.
Error notTheEnd(Error error)
{
    if (error.code == ErrorCode::NotFound)
        error.code = ErrorCode::NotReady;
    return error;
}

/// What a repository said, NotFound only if it is there.
template <typename T>
Result<T> ofOneThatIsThere(const WalSource& source, Result<T> said)
{
    if (said.ok() || said.error().code != ErrorCode::NotFound)
        return said;
    // A folder that is gone lists nothing.
    const auto there = repository::checkIsThere(*source.repository);
    return there.ok() ? std::move(said) : Result<T>(notTheEnd(there.error()));
}

/// A repository that cannot stand in for the others says nothing of what they hold.
Result<> checkAgainst(const std::vector<WalSource>& others, const WalSource& source)
{
    for (const WalSource& other : others)
        SALVOR_CHECK(repository::checkStandsIn({source.name, *source.repository},
                                               {other.name, *other.repository}));
    return {};
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

/// Seconds without an answer say nothing yet.
bool isAskedAgain(const Error& error, Patience patience)
{
    return patience == Patience::Short && error.isRetryable();
}

/// What several repositories said of a file.
class Asked {
public:
    explicit Asked(const std::string& name)
        : m_name(name)
    {}

    /// The file, whole. One that does not answer within seconds is to be asked again.
    Result<Bytes> ask(const std::string& place, Result<WalSource> source, Patience patience)
    {
        std::erase_if(m_sources, [&](const WalSource& each) { return each.name == place; });
        if (source.ok())
            if (const Result<> fits = checkAgainst(m_sources, *source); !fits.ok())
                source = fits.error();
        if (!source.ok())
            return note(place, source.error(), patience);
        auto bytes =
            ofOneThatIsThere(*source, wal::readArchived(*source->repository, source->incarnation,
                                                        m_name, wal::Take::WholeOnly));
        if (bytes.ok() || !isAskedAgain(bytes.error(), patience))
            m_sources.push_back(*std::move(source));
        return bytes.ok() ? std::move(bytes) : Result<Bytes>(note(place, bytes.error(), patience));
    }
    /// What pieces say of a segment that none has whole. Errors: NotFound when there are none.
    [[nodiscard]] Result<Bytes> askForPieces() const
    {
        if (m_failure)
            return verdict(); // That one may have more of it, or all.
        SALVOR_TRY(const WalSource* begun, furthestBegun(m_sources, m_name));
        if (begun == nullptr)
            return verdict();
        return ofOneThatIsThere(*begun, wal::readArchived(*begun->repository, begun->incarnation,
                                                          m_name, wal::Take::Begun));
    }
    /// To the log: not the first one gave it, which failed so the last time it was asked.
    void tellSource(const std::string& place, const std::optional<std::string>& why) const;
    [[nodiscard]] Error verdict() const;

private:
    Error note(const std::string& place, const Error& error, Patience patience)
    {
        if (error.code != ErrorCode::NotFound && !isAskedAgain(error, patience) && !m_failure)
            m_failure = Error(error).in("repository '" + place + "'");
        return error;
    }

    const std::string& m_name;
    std::vector<WalSource> m_sources; // Those that were read.
    std::optional<Error> m_failure;   // The first of the others.
};

void Asked::tellSource(const std::string& place, const std::optional<std::string>& why) const
{
    const std::string reason = m_failure ? ": " + m_failure->message
                               : why     ? ": " + *why
                                         : ", the ones before it lack it";
    log(LogLevel::Warning, "'" + m_name + "' comes from repository '" + place + "'" + reason);
}

Error Asked::verdict() const
{
    if (!m_failure)
        return fail(ErrorCode::NotFound, "WAL file '" + m_name + "' is in no repository");
    Error error = *m_failure;
    if (!m_sources.empty())
        error.hint += std::string(error.hint.empty() ? "" : " ")
                      + "Other repositories lack the file, this one may hold it. If it is gone for "
                        "good, take it out of 'repository' of the cluster, or name the others in a "
                        "section of the cluster where it has none.";
    return error;
}

} // namespace

Result<WalSource> Archiving::walSource(const std::string& repository, const std::string& cluster,
                                       const std::optional<std::uint64_t>& system,
                                       Patience patience)
{
    auto opened = patience == Patience::Full ? m_console.open(repository)
                                             : m_console.openAnew(repository, patience);
    if (!opened.ok())
        return notTheEnd(std::move(opened).error());
    auto incarnation = incarnationOf(**opened, cluster, system);
    if (!incarnation.ok())
        return notTheEnd(std::move(incarnation).error());
    return WalSource{repository, *std::move(opened), *std::move(incarnation)};
}

Result<std::vector<WalSource>> Archiving::walSources(const std::string& cluster)
{
    SALVOR_TRY(const auto names, m_console.repositoriesOf(cluster));
    SALVOR_TRY(const auto system, systemHere());
    std::vector<WalSource> sources;
    std::optional<Error> failure;
    for (const std::string& name : names) {
        auto source = walSource(name, cluster, system, Patience::Full);
        if (!source.ok()) {
            failure = failure ? failure : source.error();
            continue;
        }
        SALVOR_CHECK(checkAgainst(sources, *source));
        sources.push_back(*std::move(source));
    }
    if (sources.empty())
        return *failure;
    return sources;
}

Result<Bytes> Archiving::readFromArchive(const std::string& cluster, const std::string& name,
                                         wal::Take take)
{
    const auto names = m_console.repositoriesOf(cluster);
    const auto system = systemHere();
    if (!names.ok() || !system.ok())
        return notTheEnd(names.ok() ? system.error() : names.error());
    if (names->size() == 1) {
        SALVOR_TRY(const WalSource only,
                   walSource(names->front(), cluster, *system, Patience::Full));
        return ofOneThatIsThere(only,
                                wal::readArchived(*only.repository, only.incarnation, name, take));
    }
    Outages outages(systemClock(), *system ? m_spools.ofOutages(cluster, ".") : std::nullopt);
    Asked asked(name);
    Bytes found;
    const auto giver = askInTurn(*names, outages, [&](const std::string& place, Patience patience) {
        // What is told from several sources in the end is not asked for in haste.
        const Patience own = take == wal::Take::Begun ? Patience::Full : patience;
        auto bytes = asked.ask(place, walSource(place, cluster, *system, own), own);
        if (!bytes.ok())
            return Result<>(bytes.error());
        found = *std::move(bytes);
        return Result<>();
    });
    if (!giver)
        return take == wal::Take::Begun ? asked.askForPieces() : asked.verdict();
    if (*giver != names->front())
        asked.tellSource(*giver, outages.why(names->front()));
    return found;
}

std::optional<std::string>
askInTurn(const std::vector<std::string>& names, Outages& outages,
          const std::function<Result<>(const std::string& name, Patience patience)>& ask)
{
    std::vector<std::string> order = names;
    std::stable_partition(order.begin(), order.end(), [&](const std::string& name) {
        return outages.standing(name) != Outages::Standing::Away;
    });
    std::vector<std::string> silent;
    for (const Patience patience : {Patience::Short, Patience::Full}) {
        for (const std::string& name : patience == Patience::Short ? order : silent) {
            const Moment askedAt = outages.now();
            const Result<> answer = ask(name, patience);
            if (answer.ok() || !answer.error().isRetryable())
                outages.answered(name);
            else
                outages.failed(name, askedAt, answer.error().message);
            if (answer.ok())
                return name;
            if (patience == Patience::Short && answer.error().isRetryable())
                silent.push_back(name);
        }
    }
    return std::nullopt;
}

WalSources::WalSources(std::vector<WalSource> sources, const Clock& clock)
    : m_sources(std::move(sources))
    , m_clock(clock)
{}

/// The one to begin with. Of several readers one tries the first again.
std::size_t WalSources::begin()
{
    const std::lock_guard lock(m_mutex);
    const Moment now = m_clock.now();
    if (m_inTurn == 0 || now < m_firstAgain)
        return m_inTurn;
    m_firstAgain = now + pauseAfter({});
    return 0;
}

void WalSources::handOn(std::size_t from, std::size_t to, Moment askedAt)
{
    const std::lock_guard lock(m_mutex);
    const Moment now = m_clock.now();
    if (from == 0 || from != to)
        m_inTurn = to;
    if (from == 0)
        m_firstAgain = now + pauseAfter(now - askedAt);
}

Result<Bytes> WalSources::read(const model::Segment& segment)
{
    const std::size_t first = begin();
    const Moment askedAt = m_clock.now();
    std::optional<Error> failure;
    bool isGone = false;
    for (std::size_t i = 0; i < m_sources.size(); ++i) {
        const std::size_t number = (first + i) % m_sources.size();
        const WalSource& source = m_sources[number];
        auto bytes = source.repository->readSegment(source.incarnation, segment);
        if (bytes.ok()) {
            if (isGone)
                log(LogLevel::Warning, "WAL comes from repository '" + source.name
                                           + "' from here on: " + failure->message);
            handOn(first, isGone ? number : first, askedAt);
            return bytes;
        }
        isGone = isGone || (i == 0 && bytes.error().isRetryable());
        if (!failure || failure->code == ErrorCode::NotFound)
            failure = std::move(bytes).error();
    }
    return *failure;
}

} // namespace salvor::console
