#include "gui/text/error_text.h"

#include <QCoreApplication>

namespace salvor::text {
namespace {

struct Errors {
    Q_DECLARE_TR_FUNCTIONS(salvor::text::Errors)
};

struct Words {
    QString title;
    QString advice; ///< Used when the error brings no hint of its own.
};

Words wordsOf(ErrorCode code)
{
    switch (code) {
    case ErrorCode::InvalidInput:
        return {Errors::tr("This cannot work as it is given"),
                Errors::tr("Change what is named under Details and try again.")};
    case ErrorCode::NotFound:
        return {Errors::tr("Not found"), Errors::tr("Check the name and the place.")};
    case ErrorCode::AlreadyExists:
        return {Errors::tr("There is one already"),
                Errors::tr("Choose another name or place. What is there was not touched.")};
    case ErrorCode::Denied:
        return {Errors::tr("Access was refused"),
                Errors::tr("Nothing was changed. Check the credentials, the key and the rights.")};
    case ErrorCode::NotReady:
        return {Errors::tr("Something has to be changed first"),
                Errors::tr("Nothing was changed. The cause stands under Details.")};
    case ErrorCode::Unavailable:
        return {Errors::tr("No answer"), Errors::tr("The same call may work later.")};
    case ErrorCode::Timeout:
        return {Errors::tr("No answer in time"),
                Errors::tr("It may have worked. Repeating it does no harm.")};
    case ErrorCode::Locked:
        return {Errors::tr("Someone else is at work here"),
                Errors::tr("Wait until the other run has ended, then start again.")};
    case ErrorCode::NoSpace:
        return {Errors::tr("No space left"), Errors::tr("Free space there, then try again.")};
    case ErrorCode::Corrupt:
        return {Errors::tr("Stored data is damaged"),
                Errors::tr("What is stored is not what was written. Use another backup or copy.")};
    case ErrorCode::Incompatible:
        return {Errors::tr("Made for another version"),
                Errors::tr("Use a Salvor and a PostgreSQL of the version named under Details.")};
    case ErrorCode::Cancelled:
        return {Errors::tr("Stopped on request"), Errors::tr("Nothing failed.")};
    case ErrorCode::Bug:
        break;
    }
    return {Errors::tr("Salvor made a mistake"),
            Errors::tr("Please report it with the text under Details.")};
}

QString buttonOf(ErrorCode code)
{
    switch (code) {
    case ErrorCode::InvalidInput:
    case ErrorCode::AlreadyExists:
    case ErrorCode::Incompatible:
    case ErrorCode::Cancelled:
    case ErrorCode::Bug:
        return {};
    default:
        return Errors::tr("Try again");
    }
}

} // namespace

ErrorText explain(const Error& error)
{
    const Words words = wordsOf(error.code);
    ErrorText text;
    text.title = words.title;
    text.sentence = error.hint.empty() ? words.advice : asSentence(error.hint);
    text.button = buttonOf(error.code);
    const std::string_view code = errorCodeName(error.code);
    text.details = QStringLiteral("%1\n%2, %3:%4")
                       .arg(QString::fromStdString(error.message),
                            QString::fromUtf8(code.data(), static_cast<qsizetype>(code.size())),
                            QString::fromUtf8(error.origin.file))
                       .arg(error.origin.line);
    return text;
}

QString asSentence(std::string_view message)
{
    QString sentence = QString::fromUtf8(message.data(), static_cast<qsizetype>(message.size()));
    if (sentence.isEmpty())
        return sentence;
    sentence[0] = sentence[0].toUpper();
    const QChar last = sentence.back();
    if (last != QLatin1Char('.') && last != QLatin1Char('?') && last != QLatin1Char('!'))
        sentence += QLatin1Char('.');
    return sentence;
}

} // namespace salvor::text
