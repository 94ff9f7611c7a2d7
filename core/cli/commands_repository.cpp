#include "core/base/text.h"
#include "core/cli/commands.h"
#include "core/cli/passphrase.h"
#include "core/cli/render.h"
#include "core/cli/requests.h"
#include "core/cli/text.h"
#include "core/model/json_fields.h"
#include "core/repository/key_sheet.h"

#include <algorithm>
#include <iostream>
#include <unistd.h>

namespace salvor::cli {

namespace {

using repository::Unlock;

constexpr std::size_t publicKeySize = 32;

bool isThere(const Path& path)
{
    std::error_code ignored;
    return std::filesystem::exists(path, ignored);
}

Result<Secret> recipientKey(const std::string& text)
{
    const auto bytes = fromBase64(text);
    if (!bytes.ok() || bytes->size() != publicKeySize)
        return fail(ErrorCode::InvalidInput, "--recipient: this is not an X25519 public key",
                    "Give its 32 bytes in base64.");
    return Secret(ByteView(*bytes));
}

Result<Unlock> newKey(const Arguments& arguments, const std::string& repository)
{
    const int given = int{arguments.has("--passphrase")} + int{arguments.has("--key-file")}
                      + int{arguments.has("--recipient")};
    if (given != 1)
        return fail(ErrorCode::InvalidInput,
                    "'repo key add' needs one of --passphrase, --key-file and --recipient",
                    "See 'salvorctl help repo key add'.");
    if (const auto file = arguments.value("--key-file")) {
        SALVOR_TRY(Secret key, isThere(*file) ? repository::readKeyFile(*file)
                                              : repository::createKeyFile(*file));
        return Unlock{Unlock::Kind::KeyFile, std::move(key)};
    }
    if (const auto recipient = arguments.value("--recipient")) {
        SALVOR_TRY(Secret key, recipientKey(*recipient));
        return Unlock{Unlock::Kind::PrivateKey, std::move(key)};
    }
    SALVOR_TRY(Secret passphrase, newPassphrase("a new key of repository '" + repository + "'"));
    return Unlock{Unlock::Kind::Passphrase, std::move(passphrase)};
}

/// What is typed, up to the end or the last line of a sheet.
Result<Secret> readSheet()
{
    constexpr std::size_t most = 16384;
    if (::isatty(STDIN_FILENO) != 0)
        std::cerr << "Type the eight numbered lines of the sheet; Ctrl+D gives up.\n";
    std::string text;
    text.reserve(most); // Growing would leave copies behind.
    for (std::string line; text.size() < most && std::getline(std::cin, line);) {
        if (text.size() + line.size() + 1 > most)
            break;
        text.append(line).append(1, '\n');
        wipeMemory(std::as_writable_bytes(std::span(line)));
        if (repository::readKeySheet(text).ok())
            break;
    }
    Secret typed{std::string_view(text)};
    wipeMemory(std::as_writable_bytes(std::span(text)));
    return typed;
}

std::string keepSafe(const settings::RepositoryConfig& config)
{
    if (!config.encrypted)
        return "It is not encrypted: whoever can read the place can read the data.\n";
    if (!config.keyFile.empty())
        return "The key file " + quoted(config.keyFile)
               + " opens it. Keep a copy somewhere else:\nwithout a key nobody, its makers "
                 "included, can read these backups.\n";
    return "Keep its key safe somewhere else: without a key nobody, its makers included, can read\n"
           "these backups.\n";
}

/// The repository that --repo names.
Result<settings::RepositoryConfig> repositoryOf(const Run& run)
{
    SALVOR_TRY(const std::string name, required(run.arguments, "--repo"));
    return run.console.config().repository(name);
}

} // namespace

Result<Answer> repoInit(const Run& run)
{
    SALVOR_TRY(const auto config, repositoryOf(run));
    const std::string copyOf = run.arguments.value("--copy-of").value_or("");
    SALVOR_TRY(const auto info, run.console.initRepository(config.name, copyOf));
    Answer answer;
    answer.result = repositoryJson(config, info);
    answer.text = repositoryText(config, info) + "\n" + keepSafe(config);
    answer.message = "repository '" + config.name + "' is ready at " + config.url;
    if (!copyOf.empty())
        answer.message +=
            ", still empty: 'salvorctl repo copy " + copyOf + " " + config.name + "' fills it";
    return answer;
}

Result<Answer> repoCopy(const Run& run)
{
    const std::string from = run.arguments.positional(0);
    const std::string to = run.arguments.positional(1);
    const repository::CopyRequest request{run.arguments.values("--cluster"),
                                          run.arguments.has("--dry-run")};
    SALVOR_TRY(const auto report, run.console.copyRepository(from, to, request, run.job));
    Answer answer;
    answer.result = copyJson(report);
    answer.text = copyText(report);
    answer.message = copyMessage(report, request, from, to);
    answer.problem = copyProblem(report, request, from, to);
    return answer;
}

Result<Answer> repoInfo(const Run& run)
{
    SALVOR_TRY(const auto config, repositoryOf(run));
    SALVOR_TRY(const auto info, run.console.repositoryInfo(config.name));
    Answer answer;
    answer.result = repositoryJson(config, info);
    answer.text = repositoryText(config, info);
    return answer;
}

Result<Answer> repoLifecycle(const Run& run)
{
    SALVOR_TRY(const auto config, repositoryOf(run));
    const bool applies = run.arguments.has("--apply");
    SALVOR_TRY(const auto plan, applies ? run.console.applyLifecycle(config.name, run.job)
                                        : run.console.planLifecycle(config.name, run.job));
    Answer answer;
    answer.result = lifecycleJson(plan);
    answer.text = lifecycleText(plan);
    if (applies)
        answer.message = "the bucket has the rules of repository '" + config.name + "'";
    else if (!plan.isInPlace())
        answer.message = "nothing was changed: --apply sets the rules";
    const auto blocker =
        std::find_if(plan.dangers.begin(), plan.dangers.end(), [](const auto& danger) {
            return danger.level == model::Check::Level::Blocker;
        });
    if (blocker != plan.dangers.end())
        answer.problem = fail(ErrorCode::NotReady, blocker->found, blocker->fix);
    return answer;
}

Result<Answer> repoKeyAdd(const Run& run)
{
    SALVOR_TRY(const auto config, repositoryOf(run));
    SALVOR_TRY(const std::string label, required(run.arguments, "--label"));
    if (!config.encrypted)
        return fail(ErrorCode::InvalidInput,
                    "repository '" + config.name + "' is plain: it has no keys");
    SALVOR_TRY(const Unlock key, newKey(run.arguments, config.name));
    const auto access = run.arguments.has("--writer") ? repository::SlotAccess::Writer
                                                      : repository::SlotAccess::Reader;
    SALVOR_TRY(const auto slot, run.console.addKey(config.name, key, access, label));
    Answer answer;
    answer.result = keySlotJson(slot);
    answer.text = keySlotsText({slot});
    answer.message = "key '" + label + "' opens repository '" + config.name + "' as a "
                     + std::string(repository::slotAccessName(access)) + " from now on";
    return answer;
}

Result<Answer> repoKeyRemove(const Run& run)
{
    SALVOR_TRY(const auto config, repositoryOf(run));
    const std::string slot = run.arguments.positional(0);
    SALVOR_CHECK(namedByCaller(run.console.removeKey(config.name, slot)));
    Answer answer;
    answer.result = Json::Object{{"removed", slot}};
    answer.message = "key slot '" + slot + "' is removed; copies of the key made before open "
                     + "copies of the repository made before";
    return answer;
}

Result<Answer> repoKeyList(const Run& run)
{
    SALVOR_TRY(const auto config, repositoryOf(run));
    SALVOR_TRY(const auto slots, run.console.keys(config.name));
    Json::Array list;
    for (const auto& slot : slots)
        list.push_back(keySlotJson(slot));
    Answer answer;
    answer.result = Json::Object{{"keys", std::move(list)}};
    answer.text = keySlotsText(slots);
    return answer;
}

Result<Answer> repoKeySheet(const Run& run)
{
    SALVOR_TRY(const auto config, repositoryOf(run));
    SALVOR_TRY(const Path out, required(run.arguments, "--out"));
    SALVOR_TRY(const Secret sheet, run.console.keySheet(config.name));
    SALVOR_CHECK(writeFileDurably(out, sheet.reveal(), IfExists::Fail, 0600));
    Answer answer;
    answer.result = Json::Object{{"file", model::bytesJson(out.native())}};
    answer.message = "the key of repository '" + config.name + "' is in " + quoted(out)
                     + ": print it, put the paper where the backups are not, and remove the file";
    return answer;
}

Result<Answer> repoKeyType(const Arguments& arguments)
{
    SALVOR_TRY(const Path out, required(arguments, "--out"));
    SALVOR_TRY(const Secret typed, readSheet());
    SALVOR_TRY(const Secret key, repository::readKeySheet(typed.revealText()));
    SALVOR_CHECK(repository::writeKeyFile(out, key));
    const std::string value = repository::keyCheckValue(key);
    Answer answer;
    answer.result = Json::Object{{"file", model::bytesJson(out.native())}, {"checkValue", value}};
    answer.message = "the key is in " + quoted(out) + "; its check value is " + value
                     + ", compare it with the sheet's";
    return answer;
}

Result<Answer> clusterCheck(const Run& run)
{
    const std::string name = run.arguments.positional(0);
    SALVOR_TRY(const auto report,
               run.console.checkCluster(name, run.job, repositoryAsked(run.arguments)));
    Answer answer;
    answer.result = reportJson(report);
    answer.text = checksText(report.checks);
    if (report.isProtected()) {
        answer.message = "cluster '" + name + "' is protected";
        return answer;
    }
    // Worst first.
    const auto& worst = report.checks.front();
    answer.problem = fail(ErrorCode::NotReady,
                          "cluster '" + name + "' is not protected: " + worst.name, worst.fix);
    return answer;
}

Result<Answer> clusterAdopt(const Run& run)
{
    const std::string name = run.arguments.positional(0);
    SALVOR_TRY(const auto incarnation, run.console.adoptCluster(name));
    Answer answer;
    answer.result = incarnationJson(incarnation);
    answer.message = "'" + name + "' means the cluster with system identifier "
                     + std::to_string(incarnation.identity.systemIdentifier)
                     + " from now on, incarnation " + std::to_string(incarnation.number);
    return answer;
}

} // namespace salvor::cli
