#include "core/postgres/connection.h"

#include "core/base/text.h"
#include "core/postgres/connection_native.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <poll.h>

namespace salvor::postgres {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
/// Keywords of a connection string and their values, in libpq's order.
using Options = std::vector<std::pair<std::string, std::string>>;

constexpr std::size_t keptNotices = 1000;

struct OptionsCloser {
    void operator()(PQconninfoOption* options) const noexcept { PQconninfoFree(options); }
};

void keepNotice(void* native, const PGresult* result)
{
    auto& notices = static_cast<Connection::Native*>(native)->notices;
    const auto field = [&](int code) {
        const char* text = PQresultErrorField(result, code);
        return std::string(text == nullptr ? "" : text);
    };
    if (notices.size() < keptNotices)
        notices.push_back({field(PG_DIAG_SEVERITY_NONLOCALIZED), field(PG_DIAG_SQLSTATE),
                           field(PG_DIAG_MESSAGE_PRIMARY)});
}

/// libpq's own words are left out: they quote the string, and with it parts of a password.
Result<Options> parseConninfo(const std::string& conninfo)
{
    char* message = nullptr;
    const std::unique_ptr<PQconninfoOption, OptionsCloser> parsed(
        PQconninfoParse(conninfo.c_str(), &message));
    PQfreemem(message);
    if (parsed == nullptr)
        return fail(ErrorCode::InvalidInput, "the connection string is not one libpq understands",
                    "Write it as keyword=value pairs, values with spaces in single quotes, or as "
                    "a postgresql:// address.");
    Options options;
    for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; ++option)
        if (option->val != nullptr)
            options.emplace_back(option->keyword, option->val);
    return options;
}

std::string optionOf(const Options& options, std::string_view name)
{
    for (const auto& [key, value] : options)
        if (key == name)
            return value;
    return {};
}

void setOption(Options& options, const std::string& name, const std::string& value)
{
    for (auto& [key, old] : options) {
        if (key == name) {
            old = value;
            return;
        }
    }
    options.emplace_back(name, value);
}

std::vector<std::string> splitList(const std::string& text)
{
    std::vector<std::string> parts;
    std::size_t from = 0;
    for (std::size_t comma = text.find(','); comma != std::string::npos;
         comma = text.find(',', from)) {
        parts.push_back(text.substr(from, comma - from));
        from = comma + 1;
    }
    parts.push_back(text.substr(from));
    return parts;
}

/// One set of options a host. libpq's asynchronous calls know no connect_timeout, so a dead first
/// host would use up the time of the others.
std::vector<Options> oneHostEach(const Options& options)
{
    const std::vector<std::string> hosts = splitList(optionOf(options, "host"));
    const std::vector<std::string> addresses = splitList(optionOf(options, "hostaddr"));
    const std::vector<std::string> ports = splitList(optionOf(options, "port"));
    const std::size_t count = std::max(hosts.size(), addresses.size());
    if (count == 1)
        return {options};
    std::vector<Options> each;
    for (std::size_t i = 0; i < count; ++i) {
        Options one = options;
        if (i < hosts.size())
            setOption(one, "host", hosts[i]);
        if (i < addresses.size())
            setOption(one, "hostaddr", addresses[i]);
        if (i < ports.size() || ports.size() == 1)
            setOption(one, "port", ports.size() == 1 ? ports[0] : ports[i]);
        each.push_back(std::move(one));
    }
    if (optionOf(options, "target_session_attrs") != "prefer-standby")
        return each;
    std::vector<Options> passes = each;
    for (Options& one : passes)
        setOption(one, "target_session_attrs", "standby");
    for (Options& one : each)
        setOption(one, "target_session_attrs", "any");
    passes.insert(passes.end(), each.begin(), each.end());
    return passes;
}

void addDefaults(Options& options, Connection::Kind kind, const std::string& application)
{
    setOption(options, "fallback_application_name", application);
    setOption(options, "client_encoding", "UTF8");
    // A server that vanished is noticed within two minutes, not two hours.
    for (const auto& [name, value] : Options{
             {"keepalives_idle", "60"}, {"keepalives_interval", "15"}, {"keepalives_count", "4"}})
        if (optionOf(options, name).empty())
            setOption(options, name, value);
    if (kind == Connection::Kind::Replication) {
        setOption(options, "replication", "true");
        setOption(options, "dbname", "replication");
    }
}

std::chrono::seconds connectTimeout(const Options& options)
{
    const std::string given = optionOf(options, "connect_timeout");
    const auto seconds = parseUnsigned(given);
    return seconds && *seconds > 0 && *seconds < 86400
               ? std::chrono::seconds(static_cast<std::int64_t>(*seconds))
               : 15s;
}

std::string serverName(const Options& options)
{
    const std::string host = optionOf(options, "host");
    const std::string address = optionOf(options, "hostaddr");
    const std::string port = optionOf(options, "port");
    return (host.empty() ? (address.empty() ? std::string("local socket") : address) : host)
           + (port.empty() ? std::string() : " port " + port);
}

/// The SQLSTATE in "FATAL:  28P01: password authentication failed": only a verbose message has it,
/// since libpq keeps no result of a failed connection.
std::string sqlStateIn(std::string_view message)
{
    for (std::size_t at = message.find(":  "); at != std::string_view::npos;
         at = message.find(":  ", at + 1)) {
        const std::string_view rest = message.substr(at + 3);
        if (rest.size() > 7 && rest[5] == ':' && rest[6] == ' '
            && std::all_of(rest.begin(), rest.begin() + 5,
                           [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); }))
            return std::string(rest.substr(0, 5));
    }
    return {};
}

/// The message without the verbose lines that name the server's source.
std::string withoutLocation(std::string_view message)
{
    std::string text;
    while (!message.empty()) {
        const std::size_t end = message.find('\n');
        const std::string_view line = trim(message.substr(0, end));
        message = end == std::string_view::npos ? std::string_view() : message.substr(end + 1);
        if (line.empty() || line.find("LOCATION:") == 0)
            continue;
        text += text.empty() ? "" : "; ";
        text += line;
    }
    return text;
}

Error failConnect(PGconn* connection, const Options& options)
{
    const std::string said = PQerrorMessage(connection);
    const std::string state = sqlStateIn(said);
    ErrorCode code = ErrorCode::Unavailable;
    std::string hint = "Check that the server runs and can be reached from this machine.";
    if (PQconnectionNeedsPassword(connection) != 0 || state.substr(0, 2) == "28") {
        code = ErrorCode::Denied;
        hint = "Check user, password and the server's pg_hba.conf.";
    } else if (!state.empty()) {
        code = codeOfSqlState(state);
        hint.clear();
    }
    return fail(code, "cannot connect to '" + serverName(options) + "': " + withoutLocation(said),
                std::move(hint));
}

/// Waits for the socket. True when it is ready, false when time is up.
Result<bool> waitForSocket(int socket, short events, std::chrono::milliseconds limit)
{
    pollfd one{socket, events, 0};
    const int ready = ::poll(&one, 1, static_cast<int>(limit.count()));
    if (ready < 0 && errno != EINTR)
        return failErrno(errno, "cannot wait for the server");
    return ready > 0;
}

Result<> pollUntilOpen(PGconn* connection, const Options& options, const std::stop_token& stop)
{
    const std::chrono::seconds timeout = connectTimeout(options);
    const auto deadline = Clock::now() + timeout;
    PostgresPollingStatusType wants = PGRES_POLLING_WRITING;
    while (wants != PGRES_POLLING_OK) {
        if (wants == PGRES_POLLING_FAILED)
            return failConnect(connection, options);
        if (stop.stop_requested())
            return fail(ErrorCode::Cancelled, "stopped on request");
        if (Clock::now() > deadline)
            return fail(ErrorCode::Unavailable,
                        "cannot connect to '" + serverName(options) + "': no answer within "
                            + std::to_string(timeout.count()) + " s",
                        "Check that the server runs and can be reached from this machine.");
        const short events = wants == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        SALVOR_TRY(const bool ready, waitForSocket(PQsocket(connection), events, 50ms));
        if (ready)
            wants = PQconnectPoll(connection);
    }
    return {};
}

Result<std::unique_ptr<PGconn, ConnectionCloser>> openOne(const Options& options,
                                                          const std::stop_token& stop)
{
    std::vector<const char*> keywords;
    std::vector<const char*> values;
    for (const auto& [key, value] : options) {
        keywords.push_back(key.c_str());
        values.push_back(value.c_str());
    }
    keywords.push_back(nullptr);
    values.push_back(nullptr);
    std::unique_ptr<PGconn, ConnectionCloser> handle(
        PQconnectStartParams(keywords.data(), values.data(), 0));
    if (handle == nullptr)
        return fail(ErrorCode::NotReady, "no memory for a connection");
    if (PQstatus(handle.get()) == CONNECTION_BAD)
        return failConnect(handle.get(), options);
    PQsetErrorVerbosity(handle.get(), PQERRORS_VERBOSE);
    SALVOR_CHECK(pollUntilOpen(handle.get(), options, stop));
    PQsetErrorVerbosity(handle.get(), PQERRORS_DEFAULT);
    return handle;
}

/// A role's or database's own time limits would end a session that waits for hours.
std::string sessionSettings(int serverVersion)
{
    std::string sql = "SET timezone = 'UTC'; SET datestyle = 'ISO'; SET statement_timeout = 0;"
                      "SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0;";
    if (serverVersion >= 140000)
        sql += "SET idle_session_timeout = 0;";
    if (serverVersion >= 170000)
        sql += "SET transaction_timeout = 0;";
    return sql;
}

std::vector<Row> rowsOf(const PGresult* result)
{
    std::vector<Row> rows;
    const int columns = PQnfields(result);
    for (int row = 0; row < PQntuples(result); ++row) {
        Row& values = rows.emplace_back();
        for (int column = 0; column < columns; ++column) {
            if (PQgetisnull(result, row, column) != 0)
                values.emplace_back();
            else
                values.emplace_back(
                    std::string(PQgetvalue(result, row, column),
                                static_cast<std::size_t>(PQgetlength(result, row, column))));
        }
    }
    return rows;
}

Result<> sendQuery(Connection::Native& native, const std::string& sql,
                   const std::vector<std::string>& parameters)
{
    if (native.lost || PQstatus(native.handle.get()) != CONNECTION_OK)
        return fail(ErrorCode::Unavailable, "the connection to the server is lost");
    std::vector<const char*> values;
    values.reserve(parameters.size());
    for (const std::string& parameter : parameters)
        values.push_back(parameter.c_str());
    // Without parameters the simple protocol: the only one that replication connections speak.
    const int sent =
        parameters.empty()
            ? PQsendQuery(native.handle.get(), sql.c_str())
            : PQsendQueryParams(native.handle.get(), sql.c_str(), static_cast<int>(values.size()),
                                nullptr, values.data(), nullptr, nullptr, 0);
    if (sent == 0)
        return failResult(native, nullptr);
    return {};
}

} // namespace

ErrorCode codeOfSqlState(std::string_view sqlState) noexcept
{
    struct Meaning {
        std::string_view prefix;
        ErrorCode code;
    };
    static constexpr std::array<Meaning, 23> meanings{{
        {"42501", ErrorCode::Denied},        {"28", ErrorCode::Denied},
        {"57P03", ErrorCode::NotReady},      {"55", ErrorCode::NotReady},
        {"53300", ErrorCode::NotReady},      {"53100", ErrorCode::NoSpace},
        {"53", ErrorCode::Unavailable},      {"57014", ErrorCode::Timeout},
        {"57", ErrorCode::Unavailable},      {"08", ErrorCode::Unavailable},
        {"40", ErrorCode::Unavailable},      {"XX001", ErrorCode::Corrupt},
        {"XX002", ErrorCode::Corrupt},       {"3D000", ErrorCode::NotFound},
        {"42704", ErrorCode::NotFound},      {"42P01", ErrorCode::NotFound},
        {"42883", ErrorCode::NotFound},      {"58P01", ErrorCode::NotFound},
        {"42710", ErrorCode::AlreadyExists}, {"42P07", ErrorCode::AlreadyExists},
        {"0A000", ErrorCode::Incompatible},  {"22", ErrorCode::InvalidInput},
        {"42", ErrorCode::InvalidInput},
    }};
    for (const Meaning& meaning : meanings)
        if (sqlState.substr(0, meaning.prefix.size()) == meaning.prefix)
            return meaning.code;
    return ErrorCode::NotReady;
}

Error failResult(Connection::Native& native, const PGresult* result)
{
    PGconn* connection = native.handle.get();
    const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (state == nullptr) {
        native.lost = native.lost || PQstatus(connection) != CONNECTION_OK;
        return fail(native.lost ? ErrorCode::Unavailable : ErrorCode::NotReady,
                    "the server did not answer: " + withoutLocation(PQerrorMessage(connection)));
    }
    const auto field = [&](int code) {
        const char* text = PQresultErrorField(result, code);
        return std::string(text == nullptr ? "" : text);
    };
    std::string message = "the server says '" + field(PG_DIAG_MESSAGE_PRIMARY) + "'";
    if (const std::string detail = field(PG_DIAG_MESSAGE_DETAIL); !detail.empty())
        message += " (" + detail + ")";
    return fail(codeOfSqlState(state), message + ", SQLSTATE " + state,
                field(PG_DIAG_MESSAGE_HINT));
}

void requestCancel(Connection::Native& native)
{
    struct CancelCloser {
        void operator()(PGcancel* cancel) const noexcept { PQfreeCancel(cancel); }
    };
    const std::unique_ptr<PGcancel, CancelCloser> cancel(PQgetCancel(native.handle.get()));
    std::array<char, 256> ignored{};
    if (cancel != nullptr)
        PQcancel(cancel.get(), ignored.data(), static_cast<int>(ignored.size()));
}

Result<bool> waitForInput(Connection::Native& native, std::chrono::milliseconds limit)
{
    PGconn* connection = native.handle.get();
    if (PQflush(connection) < 0) {
        native.lost = true;
        return failResult(native, nullptr);
    }
    SALVOR_TRY(const bool ready, waitForSocket(PQsocket(connection), POLLIN, limit));
    if (ready && PQconsumeInput(connection) == 0) {
        native.lost = true;
        return failResult(native, nullptr);
    }
    return ready;
}

Result<> waitForRoom(Connection::Native& native, std::chrono::milliseconds limit)
{
    PGconn* connection = native.handle.get();
    SALVOR_TRY(const bool ready, waitForSocket(PQsocket(connection), POLLIN | POLLOUT, limit));
    if (ready && PQconsumeInput(connection) == 0) {
        native.lost = true;
        return failResult(native, nullptr);
    }
    return {};
}

Result<> commitTransaction(Connection& connection)
{
    Connection::Native& native = connection.native();
    const ResultHandle result(PQexec(native.handle.get(), "COMMIT"));
    const std::string_view tag = PQcmdStatus(result.get());
    if (PQresultStatus(result.get()) == PGRES_COMMAND_OK && tag == "COMMIT")
        return {};
    Error error = failResult(native, result.get());
    if (tag == "ROLLBACK") {
        error.message = "the server undid the transaction instead of committing it";
    } else if (error.code == ErrorCode::Unavailable) {
        error.message =
            "no answer came to COMMIT, so it is not known whether it counts: " + error.message;
        error.hint = "Look into the database before you try again.";
    }
    return error;
}

Result<> waitForResult(Connection::Native& native, const std::stop_token& stop)
{
    std::optional<Clock::time_point> giveUp;
    while (PQisBusy(native.handle.get()) != 0) {
        if (stop.stop_requested() && !giveUp) {
            requestCancel(native);
            giveUp = Clock::now() + 10s;
        }
        if (giveUp && Clock::now() > *giveUp) {
            native.lost = true;
            return fail(ErrorCode::Cancelled, "stopped on request");
        }
        SALVOR_CHECK(waitForInput(native, 50ms));
    }
    return {};
}

Result<bool> holdsPassword(const std::string& conninfo)
{
    SALVOR_TRY(const Options options, parseConninfo(conninfo));
    return !optionOf(options, "password").empty() || !optionOf(options, "sslpassword").empty();
}

Connection::Connection(std::unique_ptr<Native> native)
    : m_native(std::move(native))
{}
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;
Connection::~Connection() = default;

Result<Connection> Connection::open(const std::string& conninfo, Kind kind,
                                    const std::stop_token& stop, const std::string& name)
{
    SALVOR_TRY(Options options, parseConninfo(conninfo));
    addDefaults(options, kind, name);
    std::optional<Error> failure;
    for (const Options& one : oneHostEach(options)) {
        auto opened = openOne(one, stop);
        if (!opened.ok()) {
            failure = std::move(opened).error();
            if (failure->code == ErrorCode::Cancelled)
                break;
            continue;
        }
        auto native = std::make_unique<Native>();
        native->handle = *std::move(opened);
        native->kind = kind;
        PQsetNoticeReceiver(native->handle.get(), keepNotice, native.get());
        Connection connection(std::move(native));
        if (kind == Kind::Normal)
            SALVOR_CHECK(connection.query(sessionSettings(connection.serverVersion()), {}, stop));
        return connection;
    }
    return *std::move(failure);
}

Result<std::vector<Row>> Connection::query(const std::string& sql,
                                           const std::vector<std::string>& parameters,
                                           const std::stop_token& stop)
{
    if (stop.stop_requested())
        return fail(ErrorCode::Cancelled, "stopped on request");
    SALVOR_CHECK(sendQuery(*m_native, sql, parameters));
    std::vector<Row> rows;
    std::optional<Error> failure;
    while (true) {
        SALVOR_CHECK(waitForResult(*m_native, stop));
        const ResultHandle result(PQgetResult(m_native->handle.get()));
        if (result == nullptr)
            break;
        const ExecStatusType status = PQresultStatus(result.get());
        if (status == PGRES_TUPLES_OK)
            rows = rowsOf(result.get());
        else if (status == PGRES_COPY_OUT || status == PGRES_COPY_IN || status == PGRES_COPY_BOTH) {
            m_native->lost = true;
            return fail(ErrorCode::InvalidInput, "a COPY is no query");
        } else if (status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY && !failure)
            failure = failResult(*m_native, result.get());
    }
    if (failure && stop.stop_requested())
        return fail(ErrorCode::Cancelled, "stopped on request");
    if (failure)
        return *std::move(failure);
    return rows;
}

Result<std::string> Connection::value(const std::string& sql,
                                      const std::vector<std::string>& parameters,
                                      const std::stop_token& stop)
{
    SALVOR_TRY(const std::vector<Row> rows, query(sql, parameters, stop));
    if (rows.size() != 1 || rows[0].size() != 1 || !rows[0][0])
        return fail(ErrorCode::NotFound, "the server has no single value for '" + sql + "'");
    return *rows[0][0];
}

int Connection::serverVersion() const noexcept
{
    return PQserverVersion(m_native->handle.get());
}

} // namespace salvor::postgres
