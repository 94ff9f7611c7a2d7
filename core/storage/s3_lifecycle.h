// The lifecycle rules of a bucket: what the store does with objects by itself.
#pragma once

#include "core/storage/s3_client.h"
#include "core/storage/xml_tree.h"

namespace salvor::storage {

/// What a rule does, in days after an object was written, replaced, or an upload began.
struct LifecycleActions {
    struct Move {
        int days = 0;
        std::string storageClass;
        friend bool operator==(const Move&, const Move&) = default;
    };
    std::optional<int> deletes; ///< Objects; 0: at a date.
    std::vector<Move> moves;    ///< Objects, into another class; 0 days: at once or at a date.
    std::optional<int>
        oldVersions;             ///< Deletes what was replaced or removed, in a versioned bucket.
    bool removalMarkers = false; ///< Drops markers of removed objects that hide nothing any more.
    std::optional<int> uploads;  ///< Drops uploads that were never finished.
    std::vector<std::string> others; ///< Names of actions that are not known here.

    friend bool operator==(const LifecycleActions&, const LifecycleActions&) = default;
};

struct LifecycleRule {
    std::string id;
    std::string prefix; ///< Of the keys in the bucket that it is about; empty: all.
    bool enabled = true;
    bool byTag = false; ///< Only about objects with certain tags; we set none.
    LifecycleActions actions;
    XmlNode source; ///< As the store gave it, with what is not told above; empty for a new one.

    [[nodiscard]] bool isSameAs(const LifecycleRule& other) const
    {
        return id == other.id && prefix == other.prefix && enabled == other.enabled
               && byTag == other.byTag && actions == other.actions;
    }
};

/// Errors: Corrupt for another document, something in it that is no rule, or a number of days that
///         is none.
[[nodiscard]] Result<std::vector<LifecycleRule>> parseLifecycle(ByteView xml);
/// A rule with a source as it is there.
[[nodiscard]] std::string lifecycleXml(const std::vector<LifecycleRule>& rules);

/// The rules of one bucket. Thread-safe.
class BucketLifecycle {
public:
    explicit BucketLifecycle(std::unique_ptr<S3Client> client)
        : m_client(std::move(client))
    {}

    /// Before every key of the place: "dr/"; empty: the place is the bucket.
    [[nodiscard]] std::string prefix() const { return m_client->storedKey(""); }
    /// Errors: Denied; NotReady without the bucket; Incompatible for a store without such rules.
    [[nodiscard]] Result<std::vector<LifecycleRule>> read();
    /// Puts these in the place of all there are, reads them back, and compares; those with a source
    /// in every part of it. What was there before is put back when the store kept something else.
    /// Errors: as read(); InvalidInput for what the store does not take; Incompatible when it kept
    ///         something else.
    [[nodiscard]] Result<> replace(const std::vector<LifecycleRule>& rules);

private:
    /// As the store has it.
    struct Document {
        Bytes xml;                ///< Empty: there is none.
        std::string smallestMove; ///< A setting that goes with it as a header.
    };
    [[nodiscard]] Result<Document> fetch();
    [[nodiscard]] Result<> put(const Document& document);
    [[nodiscard]] std::string doing(const std::string& verb) const;

    const std::unique_ptr<S3Client> m_client;
};

} // namespace salvor::storage
