// From a setting to a driver.
#pragma once

#include "core/base/file.h"
#include "core/storage/driver.h"
#include "core/storage/limited_driver.h"
#include "core/storage/s3_lifecycle.h"

#include <stop_token>

namespace salvor::storage {

/// What a place is called and how it is reached. All but `url`, `rates` and `stop` is for s3://
/// only.
struct PlaceOptions {
    std::string url;      ///< "file:///srv/backup" or "s3://bucket/prefix".
    std::string endpoint; ///< "https://s3.example.net:9000"; empty: Amazon's, by region.
    std::string region;   ///< Empty: $AWS_REGION, $AWS_DEFAULT_REGION, or us-east-1.
    bool pathStyle = false;
    Path caFile;                     ///< Certificates to trust instead of the system's.
    std::string credentials = "env"; ///< As net::createCredentialSource.
    std::string sse = "none";        ///< "none", "s3", "kms" or "kms:ID".
    std::string storageClass;
    int lockDays = 0;
    Rates rates; ///< Of all that is read from the place or written to it.
    /// Something else can stand in for it: given up after seconds without an answer, not a minute.
    bool hasty = false;
    std::stop_token stop; ///< Ends waiting and transfers with Cancelled.
};

/// Opens the place, with retries. Nothing is asked of it yet.
///
/// Errors: InvalidInput for a URL or an option that is not understood; NotReady for a file with
///         certificates that has none.
[[nodiscard]] Result<std::unique_ptr<Driver>> openDriver(const PlaceOptions& options);
/// The lifecycle rules of the bucket that the place is in. Errors: as openDriver(); InvalidInput
/// for a folder, which has none.
[[nodiscard]] Result<std::unique_ptr<BucketLifecycle>> openLifecycle(const PlaceOptions& options);

} // namespace salvor::storage
