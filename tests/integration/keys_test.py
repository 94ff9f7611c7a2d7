"""Keys on paper: printed, typed in again, and the repository opens."""

import os
import subprocess
import unittest

import harness
from harness import SiteTest


class Keys(SiteTest):

    def setUp(self):
        super().setUp()
        self.site.add_repository()
        self.sheet = os.path.join(self.site.folder, "sheet.txt")
        self.typed = os.path.join(self.site.folder, "typed.key")

    def type(self, text, status=0):
        done = subprocess.run(
            harness.as_user([self.site.salvorctl, "--json", "repo", "key", "type", "--out",
                             self.typed]),
            input=text, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return harness.json.loads(done.stdout)

    def read(self, path):
        return subprocess.run(harness.as_user(["cat", path]), capture_output=True, text=True,
                              check=True).stdout

    def test_key_from_a_sheet_opens_the_repository(self):
        answer = self.site.ctl("--json", "repo", "key", "sheet", "--repo", "main", "--out",
                               self.sheet)
        text = self.read(self.sheet)
        self.assertEqual(os.stat(self.sheet).st_mode & 0o777, 0o600)
        key = self.read(self.site.key).strip()
        for shown in (answer.stdout, answer.stderr):
            self.assertNotIn(key, shown)

        value = self.type(text)["result"]["checkValue"]

        self.assertIn(f"Check value  {value}", text)
        self.assertEqual(self.read(self.typed).strip(), key)
        self.site.section("repository", "main", {
            **self.site.sections[("repository", "main")], "key-file": self.typed})
        self.assertEqual(len(self.site.result("repo", "key", "list", "--repo", "main")["keys"]), 1)
        self.site.result("verify")

    def test_mistyped_line_is_named_and_nothing_is_written(self):
        self.site.ctl("repo", "key", "sheet", "--repo", "main", "--out", self.sheet)
        lines = self.read(self.sheet).splitlines()
        at = next(i for i, line in enumerate(lines) if line.startswith("    4   "))
        lines[at] = lines[at][:9] + ("0" if lines[at][9] != "0" else "1") + lines[at][10:]

        error = self.type("\n".join(lines), status=2)["error"]

        self.assertIn("line 4", error["message"])
        self.assertFalse(os.path.exists(self.typed))
        self.site.failure("repo", "key", "sheet", "--repo", "main", "--out", self.sheet)

    def test_passphrase_has_no_sheet_and_a_key_that_opens_nothing_neither(self):
        other = os.path.join(self.site.folder, "other.key")
        self.type(self.other_sheet())
        keys = self.site.sections[("repository", "main")]
        self.site.section("repository", "main", {**keys, "key-file": self.typed})
        error = self.site.failure("repo", "key", "sheet", "--repo", "main", "--out", other)[1]
        self.assertEqual(error["code"], "Denied")
        self.site.section("repository", "main",
                          {name: value for name, value in keys.items() if name != "key-file"})

        status, error = self.site.failure("repo", "key", "sheet", "--repo", "main", "--out", other,
                                          env={"SALVOR_PASSPHRASE": "some words"})

        self.assertEqual(status, 2)
        self.assertIn("passphrase", error["message"])
        self.assertFalse(os.path.exists(other))

    def other_sheet(self):
        """Of a repository beside this one."""
        self.site.section("repository", "second", {
            "url": f"file://{self.site.folder}/second", "key-file": f"{self.site.folder}/2.key"})
        self.site.ctl("repo", "init", "--repo", "second")
        self.site.ctl("repo", "key", "sheet", "--repo", "second", "--out", self.sheet)
        return self.read(self.sheet)


if __name__ == "__main__":
    unittest.main(verbosity=2)
