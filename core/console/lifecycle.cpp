// The lifecycle rules of a repository's bucket.
#include "core/console/opened.h"
#include "core/console/repository_checks.h"

namespace salvor::console {

namespace {

using Level = model::Check::Level;

constexpr std::string_view bucketScheme = "s3://";

policy::LifecycleWishes wishesOf(const settings::RepositoryConfig& place)
{
    return {place.moveAfterDays, place.moveTo, place.oldVersionDays};
}

Result<policy::LifecyclePlan> planFor(const settings::RepositoryConfig& place,
                                      const std::stop_token& stop)
{
    SALVOR_TRY(const auto bucket, openPlaceLifecycle(place, stop));
    SALVOR_TRY(auto rules, bucket->read());
    return policy::planLifecycle(bucket->prefix(), std::move(rules), wishesOf(place));
}

} // namespace

Result<policy::LifecyclePlan> Console::planLifecycle(const std::string& repository, JobContext& job)
{
    SALVOR_TRY(const auto place, m_config.repository(repository));
    return planFor(place, job.stop).in("repository '" + repository + "'");
}

Result<policy::LifecyclePlan> Console::applyLifecycle(const std::string& repository,
                                                      JobContext& job)
{
    const std::string doing = "repository '" + repository + "'";
    SALVOR_TRY(const auto place, m_config.repository(repository));
    SALVOR_TRY(const auto bucket, openPlaceLifecycle(place, job.stop).in(doing));
    SALVOR_TRY(auto rules, bucket->read().in(doing));
    auto plan = policy::planLifecycle(bucket->prefix(), std::move(rules), wishesOf(place));
    if (!plan.isInPlace()) {
        SALVOR_CHECK(bucket->replace(plan.after()).in(doing));
        plan = policy::planLifecycle(bucket->prefix(), plan.after(), wishesOf(place));
    }
    return plan;
}

void checkLifecycle(const settings::RepositoryConfig& place, Checks& checks, JobContext& job)
{
    if (!place.url.starts_with(bucketScheme))
        return;
    const std::string whose = "Bucket of repository '" + place.name + "': ";
    const auto plan = planFor(place, job.stop);
    if (!plan.ok()) {
        const Error& error = plan.error();
        const bool isUnknown = error.code == ErrorCode::Incompatible;
        checks.push_back(
            {isUnknown ? Level::Note : Level::Warning, "lifecycle", whose + error.message + ".",
             "Whether one of them deletes what backups need is not known.",
             error.code == ErrorCode::Denied ? "Allow s3:GetLifecycleConfiguration." : error.hint});
        return;
    }
    for (model::Check danger : plan->dangers) {
        danger.found = whose + danger.found;
        checks.push_back(std::move(danger));
    }
    if (!plan->isInPlace())
        checks.push_back({Level::Note, "lifecycle",
                          whose + "it does not have the lifecycle rules that the repository wants.",
                          "Uploads that were cut off and what a prune removed from a bucket with "
                          "versions may be kept, and paid for, for ever.",
                          "See 'salvorctl repo lifecycle --repo " + place.name
                              + "'; with --apply it sets them."});
    else if (plan->dangers.empty())
        checks.push_back({Level::Passed, "lifecycle",
                          whose + "no lifecycle rule deletes what backups need.", "", ""});
}

} // namespace salvor::console
