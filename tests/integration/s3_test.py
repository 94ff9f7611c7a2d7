"""The main job against the real S3 gateway: the file SALVOR_S3_ENV says where it is."""

import os
import unittest
import uuid

import harness
from harness import SiteTest, open_copy, run

S3 = dict(line.split("=", 1) for line in
          open(os.environ["SALVOR_S3_ENV"], encoding="utf-8").read().split() if "=" in line)
AWS = {"AWS_ACCESS_KEY_ID": S3["access"], "AWS_SECRET_ACCESS_KEY": S3["secret"],
       "AWS_DEFAULT_REGION": "us-east-1", "AWS_CA_BUNDLE": "", "AWS_EC2_METADATA_DISABLED": "true"}


def aws(*arguments):
    return run(["/usr/bin/aws", "--endpoint-url", S3["endpoint"], *arguments], env=AWS).stdout


class S3Repository(SiteTest):

    def setUp(self):
        super().setUp()
        self.bucket = "salvor-" + uuid.uuid4().hex[:12]
        aws("s3api", "create-bucket", "--bucket", self.bucket)
        self.credentials = os.path.join(self.site.folder, "credentials")
        self.write_credentials(S3["secret"])
        self.server = harness.Server(self.site, "source", 15).initdb()
        self.site.add_repository(**self.keys())
        self.site.add_cluster(self.server)
        self.server.start()
        self.server.pgbench_init()

    def keys(self):
        return {"url": f"s3://{self.bucket}/dr", "endpoint": S3["endpoint"], "region": "us-east-1",
                "path-style": "true", "credentials": f"file:{self.credentials}"}

    def write_credentials(self, secret):
        self.site.write(self.credentials, "[default]\n"
                        f"aws_access_key_id = {S3['access']}\naws_secret_access_key = {secret}\n")

    def test_backup_archive_and_restore_through_s3(self):
        load = self.server.pgbench(3)
        self.site.ctl("backup", "demo")
        load.wait()
        total = self.server.sql("SELECT sum(abalance) FROM pgbench_accounts")
        xid = self.server.sql("BEGIN", "DROP TABLE pgbench_history", "SELECT txid_current()",
                              "COMMIT")
        self.archived(self.server)

        listing = aws("s3", "ls", "--recursive", f"s3://{self.bucket}/dr/")
        target = os.path.join(self.site.folder, "restored")
        answer = self.site.result("restore", "demo", "--to", target, "--xid", xid, "--exclusive",
                                  "--start")
        ask = open_copy(self.site, answer["instance"])

        for part in ("dr/salvor.json", "dr/packs/", "dr/index/", "dr/backups/", "dr/wal/"):
            self.assertIn(part, listing)
        described = aws("s3", "cp", f"s3://{self.bucket}/dr/salvor.json", "-")
        self.assertIn("format", described)
        self.assertEqual(ask(self.server, "SELECT sum(abalance) FROM pgbench_accounts"), total)
        self.assertEqual(ask(self.server, "SELECT count(*) FROM pg_class WHERE relname = "
                                          "'pgbench_history'"), "1")
        self.site.ctl("instance", "stop", answer["instance"])
        self.assertEqual(self.site.result("verify", "--all")["findings"], [])

    def test_wrong_secret_is_refused_and_nothing_is_written(self):
        self.write_credentials("wrong")

        status, error = self.site.failure("backup", "demo")

        self.assertEqual((status, error["code"]), (3, "Denied"), error)
        self.assertNotIn("wrong", error["message"] + error["hint"])

    def test_bucket_that_is_not_there_is_said_by_name(self):
        self.site.section("repository", "main", {
            **self.keys(), "url": "s3://no-such-bucket-here/dr", "key-file": self.site.key})

        status, error = self.site.failure("backups", "demo")

        self.assertEqual(status, 3, error)
        self.assertIn("no-such-bucket-here", error["message"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
