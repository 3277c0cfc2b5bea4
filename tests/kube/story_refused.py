"""What the story tries in vain: for trial, without permission, against admission, against what is there."""

from typing import Final

from tests.kube.objects import binding, config_map, delete_options, deployment, named, pod, secret, service_account
from tests.kube.story_ends import bulk
from tests.kube.story_work import SHOP
from tests.kube.testbed import Cluster, Manifest, until

KEPT: Final = "settled"
"""What everybody tries to change or delete here, and which is there at the end."""

QUOTA: Final = "quota"

_ADMISSION: Final = "admissionregistration.k8s.io/v1"


def something_is_there(cluster: Cluster) -> None:
    """Make what the others are about."""
    cluster.alice.create(config_map(KEPT, SHOP), pod(KEPT, SHOP), secret(KEPT, SHOP, a="1"), deployment(KEPT, SHOP, 1))
    cluster.running(f"app={KEPT},!pod-template-hash", SHOP, 1)


def for_trial(cluster: Cluster) -> None:
    """Make, change, scale and delete with a dry run."""
    trial, kept = "--dry-run=server", f"-n {SHOP} --dry-run=server"
    cluster.alice.create(config_map("trial", SHOP), pod("trial", SHOP), deployment("trial", SHOP), options=trial)
    cluster.alice.apply(config_map("trial-applied", SHOP), options=f"{trial} --server-side")
    cluster.alice.create(config_map("trial-", SHOP), options=trial)
    cluster.bob(f"delete configmap/{KEPT} pod/{KEPT} secret/{KEPT} deployment/{KEPT} {kept}")
    cluster.bob(f"delete namespace {SHOP} {trial}")
    cluster.bob(f"scale deployment/{KEPT} --replicas=9 -n {SHOP}")
    cluster.bob(f"scale deployment/{KEPT} --replicas=1 -n {SHOP}")
    cluster.bob(f"""patch configmap {KEPT} {kept} -p '{{"data":{{"a":"2"}}}}'""")
    cluster.bob(bulk("configmaps", f"/{KEPT}") + " -f -", delete_options(dryRun=["All"]))


def without_permission(cluster: Cluster) -> None:
    """Try all of it as somebody who may nothing of it."""
    mallory = cluster.mallory
    mallory.is_refused("create -f -", config_map("of-mallory", SHOP), pod("of-mallory", SHOP, privileged=True))
    mallory.is_refused(f"delete configmap/{KEPT} pod/{KEPT} deployment/{KEPT} -n {SHOP}")
    mallory.is_refused(bulk("configmaps"))
    mallory.is_refused(f"delete namespace {SHOP}")
    mallory.is_refused(f"exec {KEPT} -n {SHOP} -- id")
    mallory.is_refused(f"scale deployment/{KEPT} --replicas=0 -n {SHOP}")
    mallory.is_refused(f"""patch configmap {KEPT} -n {SHOP} -p '{{"data":{{"a":"3"}}}}'""")
    mallory.is_refused(f"get configmap {KEPT} -n {SHOP} --as=alice")
    # Who may make bindings may not give what they do not have themselves.
    cluster.alice.is_refused("create -f -", binding("too-much", SHOP, "cluster-admin", "alice"))


def against_what_is_there(cluster: Cluster) -> None:
    """Make what is there, change and delete what is not, or what is another by now."""
    alice, path = cluster.alice, f"/api/v1/namespaces/{SHOP}/configmaps/{KEPT}"
    alice.is_refused("create -f -", config_map(KEPT, SHOP), pod(KEPT, SHOP))
    alice.is_refused(f"delete configmap/never-was pod/never-was -n {SHOP}")
    alice.is_refused(f"delete --raw {path} -f -", delete_options(preconditions={"uid": "of-another"}))
    alice.is_refused(f"delete --raw {path} -f -", delete_options(preconditions={"resourceVersion": "1"}))
    stale = config_map(KEPT, SHOP, a="stale")
    stale["metadata"]["resourceVersion"] = "1"
    alice.is_refused("replace -f -", stale)
    alice.is_refused("create -f -", config_map("No Name", SHOP), pod("invalid", SHOP, restartPolicy="Perhaps"))
    alice.is_refused("create -f -", config_map("nowhere", "no-such-namespace"))
    assert alice.request("PUT", path.replace(KEPT, "never-was"), config_map("never-was", SHOP)).code == 404


def against_a_quota(cluster: Cluster) -> None:
    """Make more than a quota admits."""
    bob = cluster.bob
    bob(f"create namespace {QUOTA}")
    # Each namespace has one ConfigMap of its own from the start.
    until(lambda: bob.list("configmaps", f"-n {QUOTA}"), "the namespace has its ConfigMap")
    bob(f"create quota few -n {QUOTA} --hard=configmaps=2,pods=1")
    until(lambda: bob.list("quota", f"-n {QUOTA}")[0].get("status", {}).get("used"), "the quota counts")
    bob.create(config_map("fits", QUOTA), deployment("fits", QUOTA, 2))
    bob.is_refused("create -f -", config_map("does-not", QUOTA))
    cluster.running("app=fits", QUOTA, 1)
    assert cluster.bob.list("deployments", f"-n {QUOTA}")


def against_admission(cluster: Cluster) -> None:
    """Make and delete what a policy forbids, and what a webhook that does not answer would have to admit."""
    bob, alice = cluster.bob, cluster.alice
    bob.create(config_map("held-fast", SHOP), *_policy())
    forbidden = config_map("forbidden", SHOP)
    until(lambda: not _is_admitted(cluster, "configmaps", forbidden), "the policy holds")
    alice.is_refused("create -f -", forbidden)
    alice.is_refused(f"delete configmap/held-fast -n {SHOP}")
    bob.create(_webhook())
    account = service_account("unanswered", SHOP)
    until(lambda: not _is_admitted(cluster, "serviceaccounts", account), "the webhook is asked")
    alice.is_refused("create -f -", account)
    bob("delete validatingwebhookconfiguration unanswered")
    bob("delete validatingadmissionpolicybinding,validatingadmissionpolicy --all")


def in_another_group(cluster: Cluster) -> None:
    """Make and delete what only has kind and name of something that is there."""
    group, what = "example.test", {"plural": "configmaps", "singular": "configmap", "kind": "ConfigMap"}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    spec = {"group": group, "names": what, "scope": "Namespaced", "versions": [version]}
    cluster.bob.create(named("apiextensions.k8s.io/v1", "CustomResourceDefinition", f"configmaps.{group}", spec=spec))
    cluster.bob(f"wait --for=condition=Established crd/configmaps.{group} --timeout=60s")
    path = f"/apis/{group}/v1/namespaces/{SHOP}/configmaps"
    for name in (KEPT, "elsewhere"):
        made = named(f"{group}/v1", "ConfigMap", name, SHOP)
        assert cluster.bob.request("POST", path, made).code == 201
    assert cluster.bob.request("DELETE", f"{path}/{KEPT}").code == 200


def _is_admitted(cluster: Cluster, kind: str, manifest: Manifest) -> bool:
    """Tell whether something would be admitted: policies and webhooks take a moment to be known."""
    return cluster.alice.request("POST", f"/api/v1/namespaces/{SHOP}/{kind}?dryRun=All", manifest).code == 201


def _policy() -> tuple[Manifest, Manifest]:
    about = [
        {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "DELETE"], "resources": ["configmaps"]}
    ]
    names = "!(request.name in ['forbidden', 'held-fast'])"
    policy = named(
        *(_ADMISSION, "ValidatingAdmissionPolicy", "story-names"),
        spec={
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": about},
            "validations": [{"expression": names, "message": "not under this name"}],
        },
    )
    binds = {"policyName": "story-names", "validationActions": ["Deny"]}
    return policy, named(_ADMISSION, "ValidatingAdmissionPolicyBinding", "story-names", spec=binds)


def _webhook() -> Manifest:
    """Return a webhook about service accounts of the story's namespace, which nobody answers."""
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["serviceaccounts"]}
    webhook = {
        "name": "unanswered.example.test",
        "clientConfig": {"url": "https://127.0.0.1:1/never"},
        "rules": [rule],
        "namespaceSelector": {"matchLabels": {"purpose": "story"}},
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "timeoutSeconds": 1,
        "failurePolicy": "Fail",
    }
    return named(_ADMISSION, "ValidatingWebhookConfiguration", "unanswered", webhooks=[webhook])
