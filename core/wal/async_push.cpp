#include "core/wal/async_push.h"

#include "core/base/json.h"
#include "core/base/log.h"
#include "core/wal/push_answer.h"

#include <thread>

namespace salvor::wal {
namespace {

using namespace std::chrono;
using repository::Repository;
using Answer = std::optional<Result<Repository::Pushed>>;

constexpr auto workerErrorName = "worker.error";
constexpr auto lookInterval = milliseconds(1);
/// A worker that ends without a word, again and again, is no reason to stop archiving.
constexpr int mostStarts = 2;

ErrorCode codeNamed(std::string_view name)
{
    for (int code = 0; code < static_cast<int>(ErrorCode::Bug); ++code)
        if (errorCodeName(static_cast<ErrorCode>(code)) == name)
            return static_cast<ErrorCode>(code);
    return ErrorCode::Bug;
}

std::string errorText(const std::string& subject, const Error& error)
{
    return Json(Json::Object{{"subject", subject},
                             {"code", errorCodeName(error.code)},
                             {"message", error.message},
                             {"hint", error.hint}})
        .text();
}

Answer readError(const std::string& text, const std::string& subject)
{
    const auto json = Json::parse(text);
    if (!json.ok())
        return std::nullopt;
    const auto about = json->stringAt("subject");
    const auto code = json->stringAt("code");
    const auto message = json->stringAt("message");
    const auto hint = json->stringAt("hint");
    // A worker that could not even tell what the file is names no subject.
    if (!about.ok() || (*about != subject && !about->empty()) || !code.ok() || !message.ok()
        || !hint.ok())
        return std::nullopt;
    return fail(codeNamed(*code), *message, *hint);
}

Answer readAcknowledgement(const std::string& text, const std::string& subject)
{
    const auto json = Json::parse(text);
    if (!json.ok())
        return std::nullopt;
    const auto about = json->stringAt("subject");
    const auto stored = json->boolAt("stored");
    if (!about.ok() || *about != subject || !stored.ok())
        return std::nullopt;
    return *stored ? Repository::Pushed::Stored : Repository::Pushed::AlreadyThere;
}

/// What an earlier attempt met says nothing about this one, and an acknowledgement of other bytes
/// says nothing about these: the worker tries again.
void forgetWhatIsOld(const Spool& spool, const std::string& name, const std::string& subject)
{
    spool.remove(errorName(name));
    spool.remove(workerErrorName);
    const auto text = spool.get(acknowledgementName(name));
    if (text && !readAcknowledgement(*text, subject))
        spool.remove(acknowledgementName(name));
}

Answer answerFor(const Spool& spool, const std::string& name, const std::string& subject,
                 bool worked)
{
    if (const auto text = worked ? spool.get(acknowledgementName(name)) : std::nullopt)
        if (auto answer = readAcknowledgement(*text, subject))
            return answer;
    if (const auto text = spool.get(errorName(name)))
        if (auto answer = readError(*text, subject))
            return answer;
    if (const auto text = spool.get(workerErrorName))
        return readError(*text, "");
    return std::nullopt;
}

/// Unless somebody else does at this moment.
Result<> startOne(const Spool& spool, const AsyncPush& how)
{
    SALVOR_TRY(const auto lock, spool.tryLock());
    if (!lock)
        return {};
    spool.clear();
    return how.startWorker(*lock);
}

Error tooLate(const Spool& spool, const std::string& name, milliseconds timeout)
{
    return fail(ErrorCode::Timeout,
                "'" + name + "' was not acknowledged within "
                    + std::to_string(duration_cast<seconds>(timeout).count())
                    + " s; it is not known to be in the repository",
                "PostgreSQL keeps it and asks again. Raise archive-timeout if the repository is "
                "slow; the worker's log is "
                    + quoted(spool.logFile()) + ".");
}

} // namespace

std::string acknowledgementName(const std::string& file)
{
    return file + ".ok";
}

std::string errorName(const std::string& file)
{
    return file + ".error";
}

Result<> acknowledge(const Spool& spool, const std::string& file, const std::string& subject,
                     Repository::Pushed pushed)
{
    return spool.put(
        acknowledgementName(file),
        Json(Json::Object{{"subject", subject}, {"stored", pushed == Repository::Pushed::Stored}})
            .text());
}

Result<> refuse(const Spool& spool, const std::string& file, const std::string& subject,
                const Error& error)
{
    return spool.put(errorName(file), errorText(subject, error));
}

void reportWorkerError(const Spool& spool, const Error& error)
{
    const Result<> told = spool.put(workerErrorName, errorText("", error));
    if (!told.ok())
        log(LogLevel::Error, told.error().message);
}

bool isReadyToArchive(const Path& path)
{
    std::error_code failed;
    const Path mark = path.filename().native() + ".ready";
    return std::filesystem::exists(path.parent_path() / "archive_status" / mark, failed);
}

Result<std::optional<Repository::Pushed>> pushThroughWorker(const Spool& spool, const Path& path,
                                                            const AsyncPush& how)
{
    using Outcome = std::optional<Repository::Pushed>;
    const std::string name = path.filename().native();
    SALVOR_TRY(const std::string subject, walFileSubject(path));
    forgetWhatIsOld(spool, name, subject);
    const auto deadline = steady_clock::now() + how.timeout;
    int starts = 0;
    while (steady_clock::now() < deadline) {
        // Asked before the look at the answers: a worker's last act may be one.
        const bool worked = spool.hasWorker();
        if (auto answer = answerFor(spool, name, subject, worked)) {
            SALVOR_TRY(const Repository::Pushed pushed, *std::move(answer));
            return Outcome(pushed);
        }
        if (!worked && starts++ == mostStarts)
            return Outcome();
        if (!worked)
            if (const Result<> started = startOne(spool, how); !started.ok()) {
                log(LogLevel::Warning, "WAL is archived one by one: " + started.error().message);
                return Outcome();
            }
        std::this_thread::sleep_for(lookInterval);
    }
    return tooLate(spool, name, how.timeout);
}

} // namespace salvor::wal
