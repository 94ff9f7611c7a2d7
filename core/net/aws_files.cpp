#include "core/net/aws_files.h"

#include "core/base/text.h"

#include <algorithm>

namespace salvor::net {

namespace {

std::string lowerCase(std::string_view text)
{
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return out;
}

Error badLine(std::size_t number, const std::string& why)
{
    return fail(ErrorCode::InvalidInput, "line " + std::to_string(number) + " " + why);
}

/// Where a command line is being read.
struct Splitter {
    std::vector<std::string> words;
    std::string word;
    bool inWord = false;
    char quote = '\0';
    bool escaped = false;

    void take(char c)
    {
        if (escaped) {
            // Between double quotes a backslash escapes only itself and the quote.
            if (quote == '"' && c != '"' && c != '\\')
                word.push_back('\\');
            word.push_back(c);
            escaped = false;
        } else if (c == '\\' && quote != '\'') {
            escaped = true;
            inWord = true;
        } else if (quote != '\0') {
            if (c == quote)
                quote = '\0';
            else
                word.push_back(c);
        } else if (c == '"' || c == '\'') {
            quote = c;
            inWord = true;
        } else if (c == ' ' || c == '\t') {
            finishWord();
        } else {
            word.push_back(c);
            inWord = true;
        }
    }

    void finishWord()
    {
        if (inWord)
            words.push_back(std::exchange(word, {}));
        inWord = false;
    }
};

} // namespace

Result<IniFile> parseIni(std::string_view text)
{
    IniFile file;
    std::string section;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::size_t end = text.find('\n');
        const std::string_view whole = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        const std::string_view line = trim(whole);
        const bool isNested = whole.starts_with(' ') || whole.starts_with('\t');
        if (line.empty() || line.front() == '#' || line.front() == ';' || isNested)
            continue;
        if (line.front() == '[') {
            const std::size_t close = line.find(']');
            if (close == std::string_view::npos)
                return badLine(number, "begins a section and does not end it");
            section = std::string(trim(line.substr(1, close - 1)));
            file[section];
            continue;
        }
        const std::size_t equal = line.find('=');
        if (equal == std::string_view::npos)
            return badLine(number, "is neither a section nor 'key = value'");
        file[section][lowerCase(trim(line.substr(0, equal)))] =
            std::string(trim(line.substr(equal + 1)));
    }
    return file;
}

Result<std::vector<std::string>> splitCommandLine(std::string_view line)
{
    Splitter splitter;
    for (const char c : line)
        splitter.take(c);
    if (splitter.quote != '\0' || splitter.escaped)
        return fail(ErrorCode::InvalidInput, "the command line ends inside a quotation");
    splitter.finishWord();
    if (splitter.words.empty())
        return fail(ErrorCode::InvalidInput, "the command line is empty");
    return std::move(splitter.words);
}

} // namespace salvor::net
