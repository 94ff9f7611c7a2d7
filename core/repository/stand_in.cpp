#include "core/repository/stand_in.h"

#include "core/repository/copy.h"

namespace salvor::repository {

Result<> checkStandsIn(const NamedRepository& one, const NamedRepository& other)
{
    if (one.repository.info().id == other.repository.info().id)
        return fail(ErrorCode::InvalidInput,
                    "repositories '" + one.name + "' and '" + other.name
                        + "' are one and the same, with the id " + one.repository.info().id,
                    "Take one of them out of 'repository' of the cluster, or make a copy in "
                    "another place with salvorctl repo init --copy-of.");
    if (!haveSameKeys(one.repository, other.repository))
        return fail(ErrorCode::InvalidInput,
                    "repository '" + one.name + "' is not a copy of '" + other.name
                        + "': it has other keys",
                    "Take one of them out of 'repository' of the cluster, or make a copy with "
                    "salvorctl repo init --copy-of.");
    return {};
}

Result<> checkIsThere(const Repository& repository)
{
    SALVOR_TRY(const RepositoryInfo info, Repository::probe(repository.driver()));
    if (info.id == repository.info().id)
        return {};
    return fail(ErrorCode::NotReady,
                "another repository is at '" + repository.driver().location()
                    + "' than when it was opened",
                "Look what is mounted there, and run it again.");
}

} // namespace salvor::repository
