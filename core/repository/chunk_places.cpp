#include "core/repository/chunk_places.h"

#include "core/repository/index.h"
#include "core/repository/stand_in.h"

namespace salvor::repository {

/// One worker's reader of each place, made when it is needed.
class PlacesReader final : public ChunkReader {
public:
    PlacesReader(ChunkPlaces& places, std::unique_ptr<ChunkReader> first)
        : m_places(places)
        , m_readers(places.m_places.size())
    {
        m_readers.front().reader = std::move(first);
    }

    std::optional<Place> find(const ChunkId& id) const override
    {
        return m_readers.front().reader->find(id);
    }
    storage::ObjectKey packKey(std::uint32_t pack) const override
    {
        return m_readers.front().reader->packKey(pack);
    }
    ChunkId idOf(ByteView plain) override { return m_readers.front().reader->idOf(plain); }
    void willRead(std::vector<ChunkId> ids) override
    {
        m_plan = std::move(ids);
        for (One& one : m_readers)
            one.isTold = false;
    }

    Result<ByteView> read(const ChunkId& id, std::size_t plainSize) override
    {
        const std::size_t count = m_readers.size();
        const std::size_t begin = m_places.m_inTurn;
        std::optional<Error> first;
        for (std::size_t i = 0; i < count; ++i) {
            const std::size_t number = (begin + i) % count;
            auto bytes = readFrom(number, id, plainSize);
            if (bytes.ok()) {
                m_places.m_states[number].used = true;
                return bytes;
            }
            if (bytes.error().code == ErrorCode::Cancelled)
                return bytes;
            if (count > 1)
                m_places.failed(number, bytes.error());
            if (!first)
                first = std::move(bytes).error();
        }
        return std::move(*first);
    }

private:
    struct One {
        std::unique_ptr<ChunkReader> reader;
        bool isTold = false; ///< What will be read.
    };

    Result<ByteView> readFrom(std::size_t number, const ChunkId& id, std::size_t plainSize)
    {
        One& one = m_readers[number];
        if (one.reader == nullptr) {
            SALVOR_TRY(one.reader, m_places.readerOf(number));
        }
        if (!std::exchange(one.isTold, true))
            one.reader->willRead(m_plan);
        return one.reader->read(id, plainSize);
    }

    ChunkPlaces& m_places;
    std::vector<One> m_readers;
    std::vector<ChunkId> m_plan;
};

ChunkPlaces::ChunkPlaces(std::vector<Place> places, std::shared_ptr<Repository::Index> index,
                         EventSink& events)
    : m_places(std::move(places))
    , m_incarnation(index->incarnation())
    , m_events(events)
    , m_states(m_places.size())
{
    m_states.front().index = std::move(index);
}

Result<std::unique_ptr<ChunkReader>> ChunkPlaces::reader()
{
    SALVOR_TRY(auto first, readerOf(0));
    return std::unique_ptr<ChunkReader>(std::make_unique<PlacesReader>(*this, std::move(first)));
}

Result<std::unique_ptr<ChunkReader>> ChunkPlaces::readerOf(std::size_t number)
{
    const std::lock_guard lock(m_mutex);
    State& state = m_states[number];
    if (state.repository == nullptr) {
        SALVOR_TRY(auto repository, m_places[number].open());
        if (number > 0)
            SALVOR_CHECK(checkStandsIn({m_places[number].name, *repository},
                                       {m_places.front().name, *m_states.front().repository}));
        state.repository = std::move(repository);
    }
    if (state.index == nullptr) {
        SALVOR_TRY(state.index, state.repository->loadIndex(m_incarnation));
    }
    return ChunkReader::create(*state.repository, state.index);
}

/// What was retried for long has gone. A folder that has gone misses everything: asked once, since
/// one that only misses something would be asked again for each chunk.
bool ChunkPlaces::isGone(const State& state, const Error& error)
{
    return state.repository == nullptr || error.isRetryable()
           || (!state.told && !Repository::probe(state.repository->driver()).ok());
}

/// A place that has gone is not asked first any more; one that misses something goes on.
void ChunkPlaces::failed(std::size_t number, const Error& error)
{
    const std::lock_guard lock(m_mutex);
    State& state = m_states[number];
    const bool gone = isGone(state, error);
    std::size_t turn = number;
    if (gone)
        m_inTurn.compare_exchange_strong(turn, (number + 1) % m_places.size());
    if (std::exchange(state.told, true))
        return;
    const std::string who = "Repository '" + m_places[number].name + "'";
    const std::string what = state.repository == nullptr ? " cannot be read"
                             : gone                      ? " went away"
                                                         : " does not give everything";
    m_events.warning(who + what + ", so another one is read: " + error.message + ".");
}

std::vector<std::string> ChunkPlaces::used() const
{
    std::vector<std::string> names;
    for (std::size_t i = 0; i < m_places.size(); ++i)
        if (m_states[i].used)
            names.push_back(m_places[i].name);
    return names;
}

} // namespace salvor::repository
