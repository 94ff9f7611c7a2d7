#include "core/net/http_client.h"

#include <QBuffer>
#include <QCoreApplication>
#include <QEvent>
#include <QEventLoop>
#include <QNetworkAccessManager>
#include <QNetworkCookieJar>
#include <QNetworkProxy>
#include <QNetworkReply>
#include <QNetworkRequest>
#include <QSslConfiguration>
#include <QTimer>
#include <QUrl>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

namespace salvor::net {

namespace {

constexpr qint64 mostHeld = 1 << 20;
constexpr std::size_t threadCount = 2; // A manager opens at most six connections to one host.

/// One request between the thread that asks and the one that sends.
struct Exchange {
    explicit Exchange(const HttpRequest& asked)
        : request(asked)
    {}

    const HttpRequest& request; // Only touched while `done` is false, so it outlives its use.
    std::mutex mutex;           // Guards all below.
    std::condition_variable_any changed;
    HttpResponse response;
    Bytes pending; // Received and not yet handed on; at most mostHeld.
    bool done = false;
    std::optional<Error> error;
};
using ExchangePtr = std::shared_ptr<Exchange>;

/// What the sending thread is asked to do.
struct Order {
    enum class Kind { Begin, Pull, Abort, Quit } kind;
    ExchangePtr exchange;
};

QByteArray toQt(std::string_view text)
{
    return {text.data(), static_cast<qsizetype>(text.size())};
}

bool hasDotSegment(std::string_view target)
{
    const std::string path = std::string(target.substr(0, target.find('?'))) + "/";
    return path.find("/./") != std::string::npos || path.find("/../") != std::string::npos;
}

/// Qt rewrites what it finds odd, and a signature over the original would not hold.
Result<QUrl> urlOf(const HttpRequest& request)
{
    const std::string text =
        request.endpoint.scheme + "://" + request.endpoint.authority() + request.target;
    const QUrl url = QUrl::fromEncoded(toQt(text), QUrl::StrictMode);
    const bool isKept =
        url.isValid() && url.toEncoded() == toQt(text) && !hasDotSegment(request.target);
    if (!isKept)
        return fail(ErrorCode::InvalidInput, "the address '" + text + "' cannot be sent unchanged");
    return url;
}

Error networkError(const QNetworkReply& reply, const Exchange& exchange)
{
    const std::string where = "cannot reach '" + exchange.request.endpoint.authority() + "': ";
    const std::string why = reply.errorString().toStdString();
    switch (reply.error()) {
    case QNetworkReply::SslHandshakeFailedError:
        return fail(ErrorCode::NotReady, where + why,
                    "Name the file with the certificate authority of the server.");
    case QNetworkReply::TimeoutError:
        return fail(ErrorCode::Timeout, where + why);
    default:
        return fail(ErrorCode::Unavailable, where + why);
    }
}

/// Runs one exchange on the sending thread.
class Sender final : public QObject {
public:
    Sender(ExchangePtr exchange, std::function<void()> whenDone)
        : m_exchange(std::move(exchange))
        , m_whenDone(std::move(whenDone))
    {}

    void begin(QNetworkAccessManager& manager, const QSslConfiguration& tls);
    void pull();
    void end(ErrorCode code, const std::string& message);

private:
    QNetworkReply* start(QNetworkAccessManager& manager, const QNetworkRequest& request);
    QNetworkRequest prepared(const QUrl& url, const QSslConfiguration& tls) const;
    void moved();
    void finished();
    void report(std::optional<Error> error);
    std::optional<Error> fault() const;

    const ExchangePtr m_exchange;
    const std::function<void()> m_whenDone;
    QBuffer m_body;
    QTimer m_stall;
    QTimer m_total;
    std::unique_ptr<QNetworkReply> m_reply;
    ByteCount m_received = 0;
    bool m_finished = false;
    bool m_reported = false;
};

QNetworkRequest Sender::prepared(const QUrl& url, const QSslConfiguration& tls) const
{
    QNetworkRequest request(url);
    request.setAttribute(QNetworkRequest::RedirectPolicyAttribute,
                         QNetworkRequest::ManualRedirectPolicy);
    request.setAttribute(QNetworkRequest::Http2AllowedAttribute, false);
    request.setAttribute(QNetworkRequest::CookieLoadControlAttribute, QNetworkRequest::Manual);
    request.setAttribute(QNetworkRequest::CookieSaveControlAttribute, QNetworkRequest::Manual);
    request.setAttribute(QNetworkRequest::AuthenticationReuseAttribute, QNetworkRequest::Manual);
    request.setAttribute(QNetworkRequest::CacheLoadControlAttribute,
                         QNetworkRequest::AlwaysNetwork);
    request.setSslConfiguration(tls);
    for (const Header& header : m_exchange->request.headers)
        request.setRawHeader(toQt(header.name), toQt(header.value));
    // Or Qt asks for packed bodies, unpacks them and hides their length.
    request.setRawHeader("Accept-Encoding", "identity");
    if (m_exchange->request.method == Method::Post && !request.hasRawHeader("Content-Type"))
        request.setRawHeader("Content-Type", "application/octet-stream"); // Or Qt warns.
    return request;
}

QNetworkReply* Sender::start(QNetworkAccessManager& manager, const QNetworkRequest& request)
{
    const ByteView body = m_exchange->request.body;
    m_body.setData(
        QByteArray::fromRawData(asText(body).data(), static_cast<qsizetype>(body.size())));
    m_body.open(QIODevice::ReadOnly);
    switch (m_exchange->request.method) {
    case Method::Get:
        return manager.get(request);
    case Method::Head:
        return manager.head(request);
    case Method::Delete:
        return manager.deleteResource(request);
    case Method::Put:
        return manager.put(request, &m_body);
    case Method::Post:
        break;
    }
    return manager.post(request, &m_body);
}

void Sender::begin(QNetworkAccessManager& manager, const QSslConfiguration& tls)
{
    const Result<QUrl> url = urlOf(m_exchange->request);
    if (!url.ok()) {
        report(url.error());
        return;
    }
    m_reply.reset(start(manager, prepared(*url, tls)));
    m_reply->setReadBufferSize(mostHeld / 4);
    connect(m_reply.get(), &QNetworkReply::readyRead, this, &Sender::pull);
    connect(m_reply.get(), &QNetworkReply::uploadProgress, this, &Sender::moved);
    connect(m_reply.get(), &QNetworkReply::metaDataChanged, this, &Sender::moved);
    connect(m_reply.get(), &QNetworkReply::finished, this, &Sender::finished);
    const Timeouts& timeouts = m_exchange->request.timeouts;
    connect(m_reply.get(), &QNetworkReply::socketStartedConnecting, this,
            [this] { m_stall.start(m_exchange->request.timeouts.connect); });
    connect(m_reply.get(), &QNetworkReply::requestSent, this, &Sender::moved);
    m_stall.setSingleShot(true);
    m_stall.callOnTimeout(this, [this] { end(ErrorCode::Timeout, "no byte moved in time"); });
    m_stall.start(timeouts.stall);
    m_total.setSingleShot(true);
    m_total.callOnTimeout(this, [this] { end(ErrorCode::Timeout, "no answer in time"); });
    m_total.start(timeouts.total);
}

void Sender::moved()
{
    if (!m_finished)
        m_stall.start(m_exchange->request.timeouts.stall);
}

void Sender::pull()
{
    if (m_reported || !m_reply)
        return;
    moved();
    {
        const std::lock_guard lock(m_exchange->mutex);
        Bytes& pending = m_exchange->pending;
        const qint64 room = mostHeld - static_cast<qint64>(pending.size());
        const qint64 count = std::min(room, m_reply->bytesAvailable());
        if (count > 0) {
            const std::size_t had = pending.size();
            pending.resize(had + static_cast<std::size_t>(count));
            const qint64 got = m_reply->read(reinterpret_cast<char*>(pending.data() + had), count);
            pending.resize(had + static_cast<std::size_t>(std::max<qint64>(got, 0)));
            m_received += static_cast<ByteCount>(std::max<qint64>(got, 0));
        }
        if (static_cast<qint64>(pending.size()) >= mostHeld)
            m_stall.stop(); // The reader is slow, not the server; its next pull starts it again.
        m_exchange->changed.notify_all();
    }
    if (m_finished && m_reply->bytesAvailable() == 0)
        report(fault());
}

void Sender::finished()
{
    m_finished = true;
    m_stall.stop();
    pull();
}

std::optional<Error> Sender::fault() const
{
    const int status = m_reply->attribute(QNetworkRequest::HttpStatusCodeAttribute).toInt();
    // From 200 on, Qt's errors restate an HTTP status; below, the connection failed.
    constexpr int firstOfContent = 200;
    const QNetworkReply::NetworkError error = m_reply->error();
    if (status == 0 || (error != QNetworkReply::NoError && error < firstOfContent))
        return networkError(*m_reply, *m_exchange);
    const QByteArray length = m_reply->rawHeader("Content-Length");
    const bool hasBody =
        m_exchange->request.method != Method::Head && status != 204 && status != 304;
    if (hasBody && !length.isEmpty() && length.toULongLong() != m_received)
        return fail(ErrorCode::Unavailable,
                    "the answer of '" + m_exchange->request.endpoint.authority() + "' ended after "
                        + std::to_string(m_received) + " of " + length.toStdString() + " bytes");
    return std::nullopt;
}

void Sender::end(ErrorCode code, const std::string& message)
{
    report(fail(code, code == ErrorCode::Cancelled
                          ? message
                          : "cannot reach '" + m_exchange->request.endpoint.authority()
                                + "': " + message));
}

void Sender::report(std::optional<Error> error)
{
    if (std::exchange(m_reported, true))
        return;
    m_stall.stop();
    m_total.stop();
    if (m_reply) {
        m_reply->disconnect(this);
        if (!m_finished)
            m_reply->abort(); // Nothing may read the caller's body after this.
    }
    {
        const std::lock_guard lock(m_exchange->mutex);
        if (m_reply && !error) {
            HttpResponse& response = m_exchange->response;
            response.status = m_reply->attribute(QNetworkRequest::HttpStatusCodeAttribute).toInt();
            for (const auto& [name, value] : m_reply->rawHeaderPairs())
                response.headers.push_back({name.toStdString(), value.toStdString()});
        }
        m_exchange->error = std::move(error);
        m_exchange->done = true;
        m_exchange->changed.notify_all();
    }
    if (m_reply)
        m_reply.release()->deleteLater();
    m_whenDone(); // Last: it lets this object go.
}

/// A thread with an event loop and a manager of its own. Its orders pass through a queue of ours,
/// so that what is handed over is ordered by a lock that tools can see.
class Worker {
public:
    explicit Worker(const QSslConfiguration& tls);
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;
    ~Worker() { give({Order::Kind::Quit, nullptr}); }

    void give(Order order);

private:
    class Inbox;

    void run();

    const QSslConfiguration m_tls;
    std::mutex m_mutex;
    std::condition_variable m_started;
    std::vector<Order> m_orders; // Guarded by m_mutex.
    Inbox* m_inbox = nullptr;    // Guarded by m_mutex; lives on the thread.
    std::jthread m_thread;       // Last, so it is joined before what it uses goes.
};

class Worker::Inbox final : public QObject {
public:
    Inbox(Worker& worker, QEventLoop& loop)
        : m_worker(worker)
        , m_loop(loop)
    {
        m_manager.setProxy(QNetworkProxy::NoProxy);
    }

    bool event(QEvent* event) override;

private:
    void carryOut(const Order& order);

    Worker& m_worker;
    QEventLoop& m_loop;
    QNetworkAccessManager m_manager;
    std::map<const Exchange*, Sender*> m_senders; // Children of this object.
};

bool Worker::Inbox::event(QEvent* event)
{
    if (event->type() != QEvent::User)
        return QObject::event(event);
    std::vector<Order> orders;
    {
        const std::lock_guard lock(m_worker.m_mutex);
        orders.swap(m_worker.m_orders);
    }
    for (const Order& order : orders)
        carryOut(order);
    return true;
}

void Worker::Inbox::carryOut(const Order& order)
{
    if (order.kind == Order::Kind::Quit) {
        m_loop.quit();
        return;
    }
    const Exchange* key = order.exchange.get();
    if (order.kind == Order::Kind::Begin) {
        auto* sender = new Sender(order.exchange, [this, key] {
            const auto done = m_senders.find(key);
            done->second->deleteLater();
            m_senders.erase(done);
        });
        sender->setParent(this);
        m_senders.emplace(key, sender);
        sender->begin(m_manager, m_worker.m_tls);
        return;
    }
    const auto found = m_senders.find(key);
    if (found == m_senders.end())
        return;
    if (order.kind == Order::Kind::Pull)
        found->second->pull();
    else
        found->second->end(ErrorCode::Cancelled, "stopped on request");
}

Worker::Worker(const QSslConfiguration& tls)
    : m_tls(tls)
    , m_thread([this] { run(); })
{
    std::unique_lock lock(m_mutex);
    m_started.wait(lock, [this] { return m_inbox != nullptr; });
}

void Worker::run()
{
    QEventLoop loop;
    Inbox inbox(*this, loop);
    {
        const std::lock_guard lock(m_mutex);
        m_inbox = &inbox;
        m_started.notify_all();
    }
    loop.exec();
}

void Worker::give(Order order)
{
    const std::lock_guard lock(m_mutex);
    m_orders.push_back(std::move(order));
    QCoreApplication::postEvent(m_inbox, new QEvent(QEvent::User));
}

class QtHttpClient final : public HttpClient {
public:
    explicit QtHttpClient(const QSslConfiguration& tls)
    {
        for (auto& worker : m_workers)
            worker = std::make_unique<Worker>(tls);
    }

    Result<HttpResponse> send(const HttpRequest& request, std::stop_token stop) override;
    Result<HttpResponse> download(const HttpRequest& request, const BodySink& sink,
                                  std::stop_token stop) override;

private:
    std::array<std::unique_ptr<Worker>, threadCount> m_workers;
    std::atomic<std::size_t> m_next{0};
};

/// Ends the exchange if its caller leaves early, and waits until nothing uses the request.
void abandon(Worker& worker, const ExchangePtr& exchange)
{
    worker.give({Order::Kind::Abort, exchange});
    std::unique_lock lock(exchange->mutex);
    exchange->changed.wait(lock, [&] { return exchange->done; });
}

Result<HttpResponse> QtHttpClient::download(const HttpRequest& request, const BodySink& sink,
                                            std::stop_token stop)
{
    Worker& worker = *m_workers.at(m_next++ % threadCount);
    const auto exchange = std::make_shared<Exchange>(request);
    worker.give({Order::Kind::Begin, exchange});
    const std::stop_callback onStop(stop, [&] { worker.give({Order::Kind::Abort, exchange}); });
    while (true) {
        Bytes part;
        bool done = false;
        {
            std::unique_lock lock(exchange->mutex);
            exchange->changed.wait(lock,
                                   [&] { return exchange->done || !exchange->pending.empty(); });
            part.swap(exchange->pending);
            done = exchange->done;
        }
        // Even the last piece of a broken answer is handed on; the error comes after it.
        if (Result<> outcome = part.empty() ? Result<>() : sink(part); !outcome.ok()) {
            abandon(worker, exchange);
            return std::move(outcome).error();
        }
        if (!done) {
            worker.give({Order::Kind::Pull, exchange});
            continue;
        }
        if (exchange->error)
            return *exchange->error;
        return std::move(exchange->response);
    }
}

Result<HttpResponse> QtHttpClient::send(const HttpRequest& request, std::stop_token stop)
{
    Bytes body;
    const auto keep = [&](ByteView part) -> Result<> {
        if (body.size() + part.size() > request.answerLimit)
            return fail(ErrorCode::InvalidInput, "the answer of '" + request.endpoint.authority()
                                                     + "' is longer than expected");
        append(body, part);
        return {};
    };
    SALVOR_TRY(HttpResponse response, download(request, keep, std::move(stop)));
    response.body = std::move(body);
    return response;
}

/// Event loops need an application. A program with a main() of its own makes one first; for others
/// this one is made once and stays until the process ends.
void makeSureOfApplication()
{
    static std::once_flag once;
    std::call_once(once, [] {
        if (QCoreApplication::instance() != nullptr)
            return;
        static int count = 1;
        static std::string name = "salvor";
        static std::array<char*, 2> arguments{name.data(), nullptr};
        [[maybe_unused]] static const auto* application =
            new QCoreApplication(count, arguments.data());
        QCoreApplication::setQuitLockEnabled(false);
    });
}

} // namespace

Result<std::unique_ptr<HttpClient>> createQtHttpClient(const HttpClientOptions& options)
{
    makeSureOfApplication();
    QSslConfiguration tls = QSslConfiguration::defaultConfiguration();
    if (!options.caFile.empty()) {
        SALVOR_TRY(const std::string text, readTextFile(options.caFile));
        const QList<QSslCertificate> certificates = QSslCertificate::fromData(toQt(text));
        if (certificates.isEmpty())
            return fail(ErrorCode::NotReady, quoted(options.caFile) + " holds no certificate",
                        "Name a file with certificates in PEM form.");
        tls.setCaCertificates(certificates);
    }
    return std::unique_ptr<HttpClient>(std::make_unique<QtHttpClient>(tls));
}

} // namespace salvor::net
