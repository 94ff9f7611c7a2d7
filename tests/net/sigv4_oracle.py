"""Signs requests with botocore: one JSON object a line in, one Authorization header a line out."""
import datetime
import json
import sys
import types

try:
    from botocore import auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
except ImportError:  # Debian's awscli 2 carries its own.
    import awscli.botocore.session  # First, or its modules import one another in a circle.
    from awscli.botocore import auth
    from awscli.botocore.awsrequest import AWSRequest
    from awscli.botocore.credentials import Credentials


def sign(case):
    class Moment(datetime.datetime):
        @classmethod
        def utcnow(cls):
            return cls.strptime(case["time"], "%Y%m%dT%H%M%SZ")

        @classmethod
        def now(cls, tz=None):
            return cls.utcnow().replace(tzinfo=tz)

    auth.datetime = types.SimpleNamespace(datetime=Moment, timezone=datetime.timezone)
    if hasattr(auth, "get_current_datetime"):
        auth.get_current_datetime = lambda remove_tzinfo=True: Moment.utcnow()
    request = AWSRequest(case["method"], case["url"], headers=case["headers"],
                         data=case["body"].encode())
    credentials = Credentials(case["access"], case["secret"], case["token"] or None)
    signer = auth.S3SigV4Auth(credentials, "s3", case["region"])
    if case["unsigned"]:
        signer.payload = lambda _: "UNSIGNED-PAYLOAD"
    signer.add_auth(request)
    return request.headers["Authorization"]


for line in sys.stdin:
    print(sign(json.loads(line)))
