// Reads chunks from a repository, and from copies of it where it fails.
#pragma once

#include "core/base/event_sink.h"
#include "core/repository/repository.h"

#include <atomic>

namespace salvor::repository {

/// A repository, and copies of it in the order in which they are asked. Shared by the readers of a
/// run, so that all of them leave a place that went away. Thread-safe.
class ChunkPlaces {
public:
    struct Place {
        std::string name; ///< For people.
        std::function<Result<std::shared_ptr<const Repository>>()> open;
    };
    /// `index` is that of the first place; the others are opened when they are needed. A place that
    /// is left, or misses something, is told to `events` once.
    ChunkPlaces(std::vector<Place> places, std::shared_ptr<Repository::Index> index,
                EventSink& events);

    /// As ChunkReader::create(). Of what it cannot read from the place that is in turn it asks the
    /// others; its errors are those of the first asked. What is no copy of the first place is never
    /// read. find() and packKey() speak of the first place.
    [[nodiscard]] Result<std::unique_ptr<ChunkReader>> reader();
    /// The names of those that gave something, in their order.
    [[nodiscard]] std::vector<std::string> used() const;

private:
    friend class PlacesReader;
    struct State {
        std::shared_ptr<const Repository> repository; // Guarded by m_mutex.
        std::shared_ptr<Repository::Index> index;     // Guarded by m_mutex.
        std::atomic<bool> used{false};
        bool told = false; // Guarded by m_mutex.
    };
    [[nodiscard]] Result<std::unique_ptr<ChunkReader>> readerOf(std::size_t number);
    [[nodiscard]] static bool isGone(const State& state, const Error& error);
    void failed(std::size_t number, const Error& error);

    const std::vector<Place> m_places;
    const model::Incarnation m_incarnation;
    EventSink& m_events;
    std::mutex m_mutex;
    std::vector<State> m_states;
    std::atomic<std::size_t> m_inTurn{0};
};

} // namespace salvor::repository
