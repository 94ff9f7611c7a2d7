#include "gui/pages/repository_dialog.h"
#include "tests/gui/fake_backend.h"

#include <QLineEdit>
#include <QListWidget>
#include <QSignalSpy>

namespace salvor::gui {
namespace {

using test::eventually;

struct Adding : testing::Test {
    std::shared_ptr<test::FakeBackend> backend = std::make_shared<test::FakeBackend>();
    RepositoryDialog dialog{backend, nullptr};

    Adding()
    {
        backend->connection = {true, {"an object was written and read back"}, {}, false};
        dialog.open();
    }
    QAbstractButton* button(const QString& words)
    {
        for (auto* candidate : dialog.findChildren<QAbstractButton*>())
            if (candidate->isVisible()
                && QString(candidate->text()).remove(QLatin1Char('&')).startsWith(words))
                return candidate;
        return nullptr;
    }
    void fillFolder()
    {
        dialog.findChildren<QLineEdit*>()[0]->setText(QStringLiteral("nas-03"));
        for (auto* field : dialog.findChildren<QLineEdit*>())
            if (field->accessibleName() == QStringLiteral("Folder"))
                field->setText(QStringLiteral("/srv/backup"));
    }
};

TEST_F(Adding, NeedsANameAndAPlace)
{
    EXPECT_FALSE(button(QStringLiteral("Test connection"))->isEnabled());

    fillFolder();

    EXPECT_TRUE(button(QStringLiteral("Test connection"))->isEnabled());
    EXPECT_FALSE(button(QStringLiteral("Add repository"))->isEnabled());
    EXPECT_EQ(dialog.values().url, "file:///srv/backup");
    EXPECT_EQ(dialog.values().keyFile, Path("/home/dba/.config/salvor/nas-03.key"));
}

TEST_F(Adding, HappensOnlyAfterAGoodTestOfTheSameValues)
{
    fillFolder();
    QTest::mouseClick(button(QStringLiteral("Test connection")), Qt::LeftButton);
    ASSERT_TRUE(
        eventually([this] { return button(QStringLiteral("Add repository"))->isEnabled(); }));
    dialog.findChildren<QLineEdit*>()[0]->setText(QStringLiteral("nas-04"));
    EXPECT_FALSE(button(QStringLiteral("Add repository"))->isEnabled());
    QTest::mouseClick(button(QStringLiteral("Test connection")), Qt::LeftButton);
    ASSERT_TRUE(
        eventually([this] { return button(QStringLiteral("Add repository"))->isEnabled(); }));
    QSignalSpy accepted(&dialog, &QDialog::accepted);

    QTest::mouseClick(button(QStringLiteral("Add repository")), Qt::LeftButton);

    EXPECT_TRUE(eventually([&] { return accepted.count() == 1; }));
    EXPECT_EQ(backend->added, 1);
}

TEST_F(Adding, AFailedTestListsWhatFailedFirst)
{
    backend->connection = {
        false, {"an object was written"}, {"a listing misses the object"}, false};
    fillFolder();

    QTest::mouseClick(button(QStringLiteral("Test connection")), Qt::LeftButton);

    auto* findings = dialog.findChild<QListWidget*>();
    ASSERT_TRUE(eventually([&] { return findings->count() == 2; }));
    EXPECT_EQ(findings->item(0)->text(), QStringLiteral("A listing misses the object."));
    EXPECT_FALSE(button(QStringLiteral("Add repository"))->isEnabled());
}

TEST_F(Adding, AFailureKeepsTheDialogWithItsValues)
{
    backend->addError = fail(ErrorCode::Denied, "cannot write '/home/dba/.config/salvor'");
    fillFolder();
    QTest::mouseClick(button(QStringLiteral("Test connection")), Qt::LeftButton);
    ASSERT_TRUE(
        eventually([this] { return button(QStringLiteral("Add repository"))->isEnabled(); }));

    QTest::mouseClick(button(QStringLiteral("Add repository")), Qt::LeftButton);

    EXPECT_TRUE(eventually([this] { return button(QStringLiteral("Details")) != nullptr; }));
    EXPECT_TRUE(dialog.isVisible());
    EXPECT_EQ(dialog.values().name, "nas-03");
}

TEST_F(Adding, ANameThatIsTakenIsRefused)
{
    fillFolder();

    dialog.findChildren<QLineEdit*>()[0]->setText(QStringLiteral("nas-02"));

    EXPECT_FALSE(button(QStringLiteral("Test connection"))->isEnabled());
    EXPECT_TRUE(dialog.problem().contains(QStringLiteral("already")));
}

} // namespace
} // namespace salvor::gui
