"""The story's ends: everything that can take an object away, or only seem to."""

from typing import Any, Final

from tests.kube.objects import (
    binding,
    config_map,
    daemon_set,
    delete_options,
    deployment,
    eviction,
    job,
    namespace,
    permission,
    pod,
    replica_set,
    role,
    secret,
    service,
    service_account,
    stateful_set,
    with_finalizer,
)
from tests.kube.story_work import SHOP, TABLE
from tests.kube.testbed import Cluster, Manifest, until

YARD: Final = "yard"
"""A namespace that is deleted with all that it holds, and made anew."""

_NO_FINALIZERS: Final = """-p '{"metadata":{"finalizers":null}}' --type=merge"""


def bulk(kind: str, query: str = "", *, api: str = "/api/v1") -> str:
    """Return the command that deletes many by one request, which no other command of kubectl does."""
    return f"delete --raw {api}/namespaces/{SHOP}/{kind}{query}"


def deployments_by_each_propagation(cluster: Cluster) -> None:
    """Delete three Deployments and a StatefulSet; what one leaves behind lives on."""
    names = ("background", "foreground", "orphan")
    cluster.alice.create(*(deployment(name, SHOP, 1) for name in names), stateful_set("orphans", SHOP, 1))
    for name in (*names, "orphans"):
        cluster.running(f"app={name}", SHOP, 1)
    for name in names:
        cluster.bob(f"delete deployment {name} -n {SHOP} --cascade={name}")
    cluster.bob(f"delete statefulset orphans -n {SHOP} --cascade=orphan")
    for name in names[:2]:
        cluster.gone(f"replicasets,pods -l app={name}", SHOP)
    (left,) = cluster.admin.list("replicasets", f"-n {SHOP} -l app=orphan")
    until(
        lambda: "ownerReferences" not in cluster.admin.list("replicasets", f"-n {SHOP} -l app=orphan")[0]["metadata"],
        "the ReplicaSet is nobody's",
    )
    # Its pod is then left by it in turn, and adopted by another of the same label.
    cluster.carol(f"delete replicaset {left['metadata']['name']} -n {SHOP} --cascade=orphan")
    cluster.carol.create(replica_set("orphan", SHOP, 1))
    cluster.running("app=orphan", SHOP, 1)


def jobs_and_daemons_end(cluster: Cluster) -> None:
    """Delete a Job with its pods, one without, and a DaemonSet."""
    cluster.carol.create(job("done", SHOP), job("left", SHOP), daemon_set("brief", SHOP))
    cluster.carol(f"wait --for=condition=complete job/done job/left -n {SHOP} --timeout=100s")
    cluster.bob(f"delete job done -n {SHOP}")
    cluster.bob(f"delete job left -n {SHOP} --cascade=orphan")
    cluster.bob(f"delete daemonset brief -n {SHOP} --cascade=foreground")


def bare_pods(cluster: Cluster) -> None:
    """Delete pods with their grace, with another, with none, and before they have a node."""
    names = ("graceful", "short", "forced", "now")
    cluster.alice.create(*(pod(name, SHOP) for name in names), pod("homeless", SHOP, nodeSelector={"no": "node"}))
    for name in names:
        cluster.running(f"app={name}", SHOP, 1)
    cluster.bob(f"delete pod graceful -n {SHOP}")
    cluster.bob(f"delete pod short -n {SHOP} --grace-period=5")
    cluster.bob(f"delete pod forced -n {SHOP} --force --grace-period=0")
    cluster.bob(f"delete pod now -n {SHOP} --now --wait=false")
    cluster.bob(f"delete pod homeless -n {SHOP}")
    cluster.gone("pod/now", SHOP)
    # No kubelet will say that it has stopped: the garbage collector of pods does, for want of the node, after a while.
    cluster.alice.create(pod("lost", SHOP, nodeName="no-such-node"))
    cluster.bob(f"delete pod lost -n {SHOP} --wait=false")


def pods_without_grace(cluster: Cluster) -> None:
    """Delete, evict and delete in bulk pods that have ended or have no node: no kubelet tells of their end."""
    ways = ("deleted", "evicted", "bulk")
    ended, homeless = ([f"{kind}-{way}" for way in ways] for kind in ("ended", "homeless"))
    cluster.alice.create(
        *(_labelled(pod(name, SHOP, restartPolicy="Never"), end=name.split("-")[1]) for name in ended),
        *(_labelled(pod(name, SHOP, nodeSelector={"no": "node"}), end=name.split("-")[1]) for name in homeless),
    )
    cluster.alice(f"wait --for=jsonpath={{.status.phase}}=Succeeded pod/{' pod/'.join(ended)} -n {SHOP} --timeout=60s")
    cluster.bob(f"delete pods -l end=deleted -n {SHOP}")
    for name in (ended[1], homeless[1]):
        cluster.carol(f"create --raw /api/v1/namespaces/{SHOP}/pods/{name}/eviction -f -", eviction(name, SHOP))
    cluster.bob(bulk("pods", "?labelSelector=end%3Dbulk"))
    cluster.gone("pods -l end", SHOP)


def _labelled(manifest: Manifest, **labels: str) -> Manifest:
    metadata = manifest["metadata"]
    return {**manifest, "metadata": {**metadata, "labels": {**metadata["labels"], **labels}}}


def names_made_again(cluster: Cluster) -> None:
    """Delete and make anew under the same name, by other people, several times; the last of each is left."""
    for user in (cluster.alice, cluster.bob, cluster.carol, cluster.alice, cluster.bob, cluster.carol):
        user.create(config_map("again", SHOP, by=user.name), service("again", SHOP), pod("again", SHOP))
        if user is not cluster.carol:
            user(f"delete configmap/again service/again pod/again -n {SHOP} --grace-period=1")
        else:
            user(f"replace --force -n {SHOP} --grace-period=1 -f -", config_map("again", SHOP, by="replaced"))
            user(f"delete service/again pod/again configmap/again -n {SHOP}")
    cluster.alice.create(config_map("again", SHOP), secret("again", SHOP, a="1"), pod("again", SHOP))
    cluster.bob(f"delete secret again -n {SHOP}")
    cluster.alice.create(secret("again", SHOP, a="2"))


def finalizers(cluster: Cluster) -> None:
    """Ask for deletions that finalizers delay; some are let go, others not until the end."""
    kept = [config_map("kept", SHOP), service("kept", SHOP), service_account("kept", SHOP)]
    let_go = [config_map("let-go", SHOP), pod("let-go", SHOP), deployment("let-go", SHOP), job("let-go", SHOP)]
    cluster.alice.create(*map(with_finalizer, (*kept, *let_go, pod("kept", SHOP))))
    for name in ("let-go", "kept"):
        cluster.running(f"app={name},!pod-template-hash,!job-name", SHOP, 1)
    names = {"kept": "configmap/kept service/kept sa/kept pod/kept", "let-go": "configmap pod deployment job"}
    targets = [f"{kind}/let-go" for kind in names["let-go"].split()]
    cluster.bob(f"delete {names['kept']} {' '.join(targets)} -n {SHOP} --wait=false")
    cluster.carol(f"delete configmap/kept -n {SHOP} --wait=false")
    for target in targets:
        cluster.carol(f"patch {target} -n {SHOP} {_NO_FINALIZERS}")
    for target in targets:
        cluster.gone(target, SHOP)


def finalizers_removed_by_other_means(cluster: Cluster) -> None:
    """Let objects go by an update, by a JSON patch, by an apply without, and where only a table is asked for."""
    alice, maps = cluster.alice, f"/api/v1/namespaces/{SHOP}/configmaps"
    names = ("by-put", "by-json", "by-table")
    alice.create(*(with_finalizer(config_map(name, SHOP)) for name in names))
    alice.apply(with_finalizer(config_map("by-apply", SHOP)), options="--server-side")
    for name in (*names, "by-apply"):
        assert alice.request("DELETE", f"{maps}/{name}", accept=TABLE).code == 200
    cluster.bob(f"replace -n {SHOP} -f -", config_map("by-put", SHOP))
    remove = '[{"op":"remove","path":"/metadata/finalizers"}]'
    cluster.bob(f"patch configmap by-json -n {SHOP} --type=json -p '{remove}'")
    cluster.alice.apply(config_map("by-apply", SHOP), options="--server-side")
    none, merge = {"metadata": {"finalizers": None}}, "application/merge-patch+json"
    assert alice.request("PATCH", f"{maps}/by-table", none, accept=TABLE, content=merge).code == 200
    for name in (*names, "by-apply"):
        cluster.gone(f"configmap/{name}", SHOP)


def many_at_once(cluster: Cluster) -> None:
    """Delete by one request what a selector names, with each propagation, for trial, and with nothing to delete."""
    names = ("bulk-0", "bulk-1", "bulk-2")
    makers: tuple[Any, ...] = (config_map, pod, secret, service, service_account)
    listed = [
        {**made, "metadata": {**made["metadata"], "labels": {"bulk": "yes"}}}
        for made in (make(name, SHOP) for make in makers for name in names)
    ]
    cluster.alice.create(*listed)
    cluster.alice.create(with_finalizer({**listed[0], "metadata": {**listed[0]["metadata"], "name": "bulk-kept"}}))
    bob, yes = cluster.bob, "?labelSelector=bulk%3Dyes"
    bob(bulk("configmaps", yes + "&dryRun=All"))
    bob(bulk("pods", yes) + " -f -", delete_options(dryRun=["All"]))
    for kind in ("configmaps", "pods", "services", "serviceaccounts"):
        bob(bulk(kind, yes))
    cluster.carol(bulk("configmaps", "?labelSelector=bulk%3Dno"))
    # The answers about Secrets are not told: which ones are gone is seen by who deletes them once more.
    for name in names:
        bob(f"delete secret {name} -n {SHOP}")
    cluster.gone("pods -l bulk=yes", SHOP)
    _workloads_at_once(cluster)


def _workloads_at_once(cluster: Cluster) -> None:
    apps, policies = "/apis/apps/v1", ("Background", "Foreground", "Orphan")
    for policy in policies:
        name = f"all-{policy.lower()}"
        cluster.alice.create(*(deployment(f"{name}-{index}", SHOP) for index in range(2)))
        cluster.alice(f"label deployments {name}-0 {name}-1 -n {SHOP} bulk={policy}")
        for index in range(2):
            cluster.running(f"app={name}-{index}", SHOP, 1)
        options = delete_options(propagationPolicy=policy)
        cluster.bob(bulk("deployments", f"?labelSelector=bulk%3D{policy}", api=apps) + " -f -", options)
        cluster.gone(f"deployments -l bulk={policy}", SHOP)
        if policy != "Orphan":
            cluster.gone(f"replicasets,pods -l 'app in ({name}-0,{name}-1)'", SHOP)


def a_namespace_with_all_it_holds(cluster: Cluster) -> None:
    """Delete a namespace that holds something of everything, make it anew, and leave something in it."""
    bob = cluster.bob
    bob.create(namespace(YARD))
    until(lambda: bob.list("serviceaccounts", f"-n {YARD}"), "the namespace has its service account")
    reads = permission("", "pods", "get")
    bob.create(
        *(config_map("a", YARD), secret("a", YARD, a="1"), service("a", YARD), service_account("a", YARD)),
        *(pod("a", YARD), deployment("b", YARD, 2), stateful_set("c", YARD), daemon_set("d", YARD), job("e", YARD)),
        *(role("a", YARD, reads), binding("a", YARD, "view", "carol"), with_finalizer(config_map("late", YARD))),
    )
    cluster.running("app=b", YARD, 2)
    bob(f"delete namespace {YARD} --wait=false")

    def only_one_is_left() -> bool:
        (*others, late) = bob.list("pods,configmaps", f"-n {YARD}") or [{}]
        return not others and "deletionTimestamp" in late.get("metadata", ())

    until(only_one_is_left, "all is gone but what waits for its finalizer")
    cluster.alice.is_refused("create -f -", config_map("too-late", YARD))
    bob(f"patch configmap late -n {YARD} {_NO_FINALIZERS}")
    cluster.gone(f"namespace/{YARD}", "default")
    cluster.carol.is_refused(f"get configmap a -n {YARD}")
    cluster.bob.create(namespace(YARD))
    cluster.bob.create(config_map("a", YARD), secret("a", YARD, a="2"))


def namespaces_that_do_not_end(cluster: Cluster) -> None:
    """Delete a namespace that its own finalizer keeps, and one that is ended by force though it holds something."""
    bob = cluster.bob
    bob.create(with_finalizer(namespace("stuck")), with_finalizer(namespace("held")), namespace("forced"))
    bob.create(with_finalizer(config_map("survivor", "forced")))
    bob("delete namespace stuck held forced --wait=false")
    bob(f"patch namespace held {_NO_FINALIZERS}")
    cluster.gone("namespace/held", "default")
    (forced,) = (each for each in bob.list("namespaces") if each["metadata"]["name"] == "forced")
    forced["spec"]["finalizers"] = []
    bob("replace --raw /api/v1/namespaces/forced/finalize -f -", forced)
    cluster.gone("namespace/forced", "default")
    assert bob.list("configmaps", "-n forced"), "what a namespace held that was ended by force is still there"
