"""The main job against the real S3 gateway: the file SALVOR_S3_ENV says where it is."""

import json
import os
import unittest

import harness
from harness import Bucket, SiteTest, open_copy


class S3Repository(SiteTest):

    def setUp(self):
        super().setUp()
        self.bucket = Bucket(self.site)
        self.server = harness.Server(self.site, "source", 15).initdb()
        self.site.add_repository(**self.bucket.keys())
        self.site.add_cluster(self.server)
        self.server.start()
        self.server.pgbench_init()

    def test_backup_archive_and_restore_through_s3(self):
        load = self.server.pgbench(3)
        self.site.ctl("backup", "demo")
        load.wait()
        total = self.server.sql("SELECT sum(abalance) FROM pgbench_accounts")
        xid = self.server.sql("BEGIN", "DROP TABLE pgbench_history", "SELECT txid_current()",
                              "COMMIT")
        self.archived(self.server)

        listing = self.bucket.aws("s3", "ls", "--recursive", f"s3://{self.bucket.name}/dr/")
        target = os.path.join(self.site.folder, "restored")
        answer = self.site.result("restore", "demo", "--to", target, "--xid", xid, "--exclusive",
                                  "--start")
        ask = open_copy(self.site, answer["instance"])

        for part in ("dr/salvor.json", "dr/packs/", "dr/index/", "dr/backups/", "dr/wal/"):
            self.assertIn(part, listing)
        described = self.bucket.aws("s3", "cp", f"s3://{self.bucket.name}/dr/salvor.json", "-")
        self.assertIn("format", described)
        self.assertEqual(ask(self.server, "SELECT sum(abalance) FROM pgbench_accounts"), total)
        self.assertEqual(ask(self.server, "SELECT count(*) FROM pg_class WHERE relname = "
                                          "'pgbench_history'"), "1")
        self.site.ctl("instance", "stop", answer["instance"])
        self.assertEqual(self.site.result("verify", "--all")["findings"], [])

    def rules(self):
        try:
            return json.loads(self.bucket.aws("s3api", "get-bucket-lifecycle-configuration",
                                              "--bucket", self.bucket.name))["Rules"]
        except AssertionError as error:
            self.assertIn("NoSuchLifecycleConfiguration", str(error))
            return []

    def lifecycle_checks(self):
        done = self.site.ctl("--json", "cluster", "check", "demo", check=False)
        return [(each["level"], each["found"]) for each in
                json.loads(done.stdout)["result"]["checks"] if each["name"] == "lifecycle"]

    def test_lifecycle_rules_are_set_beside_those_of_others_and_dangers_are_blockers(self):
        self.assertEqual(self.site.result("repo", "lifecycle", "--repo", "main")["rules"], [])
        self.assertEqual([level for level, _ in self.lifecycle_checks()], ["note"])
        theirs = {"Rules": [{"ID": "logs", "Filter": {"Prefix": "logs/"}, "Status": "Enabled",
                             "Expiration": {"Days": 30}}]}
        self.bucket.aws("s3api", "put-bucket-lifecycle-configuration", "--bucket",
                        self.bucket.name, "--lifecycle-configuration", json.dumps(theirs))

        told = self.site.result("repo", "lifecycle", "--repo", "main", "--apply")

        self.assertTrue(told["inPlace"])
        found = {rule["ID"]: rule for rule in self.rules()}
        self.assertEqual(sorted(found), ["logs", "salvor:dr/:leftovers"])
        self.assertEqual(found["logs"]["Expiration"], {"Days": 30})
        own = found["salvor:dr/:leftovers"]
        self.assertEqual(own["AbortIncompleteMultipartUpload"], {"DaysAfterInitiation": 7})
        self.assertEqual(own["NoncurrentVersionExpiration"]["NoncurrentDays"], 30)
        self.assertNotIn("Days", own.get("Expiration", {}))
        self.assertEqual([level for level, _ in self.lifecycle_checks()], ["passed"])
        # Of a further repository of the cluster as well.
        self.site.add_repository("near", url=f"file://{self.site.repository}", **{
            "key-file": self.site.key + "-near"})
        cluster = self.site.sections[("cluster", "demo")]
        self.site.section("cluster", "demo", {**cluster, "repository": "near main"})
        self.assertEqual([level for level, _ in self.lifecycle_checks()], ["passed"])
        self.site.section("cluster", "demo", cluster)

        keys = self.site.sections[("repository", "main")]
        self.site.section("repository", "main", {**keys, "move-after-days": 30,
                                                 "move-to": "STANDARD_IA"})
        self.assertEqual([level for level, _ in self.lifecycle_checks()], ["note"])
        self.site.ctl("repo", "lifecycle", "--repo", "main", "--apply")
        moved = {rule["Filter"]["Prefix"]: rule["Transitions"] for rule in self.rules()
                 if "Transitions" in rule}
        self.assertEqual(moved, {folder: [{"Days": 30, "StorageClass": "STANDARD_IA"}]
                                 for folder in ("dr/packs/", "dr/wal/")})
        self.site.section("repository", "main", keys)

        # A clean-up that forgot what the bucket is for.
        theirs["Rules"].append({"ID": "clean-up", "Filter": {"Prefix": ""}, "Status": "Enabled",
                                "Expiration": {"Days": 365}})
        self.bucket.aws("s3api", "put-bucket-lifecycle-configuration", "--bucket",
                        self.bucket.name, "--lifecycle-configuration", json.dumps(theirs))
        self.assertIn(("blocker", "Bucket of repository 'main': Lifecycle rule 'clean-up' deletes "
                                  "objects of the bucket after 365 days."), self.lifecycle_checks())
        done = self.site.ctl("repo", "lifecycle", "--repo", "main", "--apply", check=False)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertEqual(sorted(rule["ID"] for rule in self.rules()),
                         ["clean-up", "logs", "salvor:dr/:leftovers"])

    def test_wrong_secret_is_refused_and_nothing_is_written(self):
        self.bucket.write_credentials("wrong")

        status, error = self.site.failure("backup", "demo")

        self.assertEqual((status, error["code"]), (3, "Denied"), error)
        self.assertNotIn("wrong", error["message"] + error["hint"])

    def test_bucket_that_is_not_there_is_said_by_name(self):
        self.site.section("repository", "main", {
            **self.bucket.keys(), "url": "s3://no-such-bucket-here/dr", "key-file": self.site.key})

        status, error = self.site.failure("backups", "demo")

        self.assertEqual(status, 3, error)
        self.assertIn("no-such-bucket-here", error["message"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
