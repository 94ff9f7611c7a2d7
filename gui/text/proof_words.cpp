#include "gui/text/proof_words.h"

#include <QCoreApplication>

namespace salvor::text {
namespace {

struct Proof {
    Q_DECLARE_TR_FUNCTIONS(Proof)
};

QString levelWord(model::AssuranceLevel level)
{
    switch (level) {
    case model::AssuranceLevel::Listed:
        return Proof::tr("Listed");
    case model::AssuranceLevel::Structure:
        return Proof::tr("Lists and sizes match");
    case model::AssuranceLevel::Contents:
        return Proof::tr("Read completely");
    case model::AssuranceLevel::Restored:
        return Proof::tr("Restored and checked");
    case model::AssuranceLevel::Validated:
        return Proof::tr("Restored and validated");
    }
    return {};
}

} // namespace

QString proofWord(const model::Backup& backup, const model::Assurance& assurance)
{
    if (assurance.damaged)
        return Proof::tr("Damaged");
    return backup.damaged.empty() ? levelWord(assurance.level) : Proof::tr("Damaged pages");
}

QString proofSentence(const model::Backup& backup, const model::Assurance& assurance,
                      const Zones& zones)
{
    QString sentence;
    if (!assurance.shown)
        sentence = Proof::tr("Its listing is there and was read. Nothing was read back yet: "
                             "salvorctl verify %1 does that.")
                       .arg(QString::fromStdString(backup.id));
    else if (assurance.damaged)
        sentence = Proof::tr("Found on %1 by %2: %3. Restore another backup, and take a new one.")
                       .arg(inZone(assurance.shown->at, zones.viewer),
                            QString::fromStdString(assurance.shown->by),
                            QString::fromStdString(assurance.shown->finding));
    else
        sentence = Proof::tr("%1 on %2 by %3.")
                       .arg(levelWord(assurance.level), inZone(assurance.shown->at, zones.viewer),
                            QString::fromStdString(assurance.shown->by));
    if (!backup.damaged.empty())
        sentence += QLatin1Char(' ')
                    + Proof::tr("%1 files had pages with wrong checksums when they were backed up, "
                                "the first %2.")
                          .arg(backup.damaged.size())
                          .arg(QString::fromStdString(backup.damaged.front().path));
    return sentence;
}

} // namespace salvor::text
