"""The story's work: things are made and changed by several people and by the controllers that they keep busy."""

from typing import Final

from tests.kube.objects import (
    RBAC,
    binding,
    config_map,
    cron_job,
    daemon_set,
    delete_options,
    deployment,
    eviction,
    job,
    namespace,
    permission,
    pod,
    replica_set,
    replication_controller,
    role,
    secret,
    service,
    service_account,
    stateful_set,
    with_finalizer,
)
from tests.kube.testbed import Cluster, until

SHOP: Final = "shop"
"""Where most of it happens, and where things are left at the end."""

DANGEROUS: Final = "till"
"""The Deployment by which alice makes pods that are privileged, without making one herself."""

UNTOLD: Final = "untold"
"""Where what is done is answered as if it were not."""

CRON: Final = "tick"

TABLE: Final = "application/json;as=Table;v=v1;g=meta.k8s.io"
METADATA: Final = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"


def people_are_let_in(cluster: Cluster) -> None:
    """Give alice and carol what a team has, and bob everything; mallory has nothing."""
    admin = cluster.admin
    admin.create(binding("operators", "", "cluster-admin", "bob"), binding("teams", "", "admin", "alice", "carol"))
    cluster.bob(f"create namespace {SHOP}")
    cluster.bob(f"label namespace {SHOP} purpose=story")
    until(lambda: admin.list("serviceaccounts", f"-n {SHOP}"), "the namespace has its service account")


def a_clock_ticks(cluster: Cluster) -> None:
    """Have a CronJob run each minute while all the rest happens."""
    cluster.carol.apply(cron_job(CRON, SHOP, "* * * * *"))
    cluster.carol(f"create job by-hand --from=cronjob/{CRON} -n {SHOP}")


def alice_deploys_what_is_dangerous(cluster: Cluster) -> None:
    """Apply a Deployment with a privileged template, and wait until its controllers have made the pods."""
    cluster.alice.apply(deployment(DANGEROUS, SHOP, 2, privileged=True))
    cluster.running(f"app={DANGEROUS}", SHOP, 2)


def a_rollout(cluster: Cluster) -> None:
    """Roll out, scale, undo, restart, by three people."""
    cluster.alice.apply(deployment("web", SHOP, 2))
    cluster.running("app=web", SHOP, 2)
    cluster.bob(f"set image deployment/web main=registry.example.test/shop/web:1.4.3 -n {SHOP}")
    cluster.bob(f"rollout status deployment/web -n {SHOP} --timeout=100s")
    cluster.carol(f"scale deployment/web --replicas=4 -n {SHOP}")
    cluster.running("app=web", SHOP, 4)
    cluster.alice(f"rollout undo deployment/web -n {SHOP}")
    cluster.bob(f"rollout restart deployment/web -n {SHOP}")
    cluster.carol(f"scale deployment/web --replicas=1 -n {SHOP}")
    cluster.bob(f"rollout status deployment/web -n {SHOP} --timeout=100s")
    cluster.running("app=web", SHOP, 1)


def other_workloads(cluster: Cluster) -> None:
    """Make what else makes pods, and change it."""
    cluster.bob.create(stateful_set("store", SHOP, 2), daemon_set("agent", SHOP), replica_set("bare", SHOP, 1))
    cluster.carol.create(replication_controller("old", SHOP, 1), job("once", SHOP))
    cluster.carol.create(job("brief", SHOP, ttlSecondsAfterFinished=2))
    cluster.running("app=store", SHOP, 2)
    cluster.running("app=old", SHOP, 1)
    cluster.alice(f"scale statefulset/store --replicas=1 -n {SHOP}")
    cluster.alice(f"scale rc/old --replicas=2 -n {SHOP}")
    cluster.bob(f"set env daemonset/agent LEVEL=2 -n {SHOP}")
    cluster.bob(f"rollout status daemonset/agent -n {SHOP} --timeout=100s")
    cluster.running("app=store", SHOP, 1)
    cluster.gone("job/brief", SHOP)


def patches_of_all_kinds(cluster: Cluster) -> None:
    """Change objects by each kind of patch, by whole replacement, by labels."""
    cluster.alice.create(config_map("settings", SHOP, a="1"), service("web", SHOP), service_account("robot", SHOP))
    cluster.bob(f"""patch configmap settings -n {SHOP} --type=merge -p '{{"data":{{"b":"2"}}}}'""")
    cluster.carol(f"""patch service web -n {SHOP} --type=strategic -p '{{"spec":{{"sessionAffinity":"ClientIP"}}}}'""")
    json_patch = '[{"op":"add","path":"/data/c","value":"3"}]'
    cluster.carol(f"patch configmap settings -n {SHOP} --type=json -p '{json_patch}'")
    cluster.alice(f"annotate serviceaccount robot -n {SHOP} who=alice")
    cluster.bob(f"replace -n {SHOP} -f -", config_map("settings", SHOP, d="4"))
    cluster.bob(f"create token robot -n {SHOP}")


def server_side_apply(cluster: Cluster) -> None:
    """Create by patch, change by patch, and take over what is another's."""
    cluster.carol.apply(config_map("applied", SHOP, a="1"), secret("applied", SHOP, a="1"), options="--server-side")
    cluster.carol.apply(deployment("applied", SHOP), options="--server-side")
    cluster.running("app=applied", SHOP, 1)
    cluster.carol.apply(config_map("applied", SHOP, a="2"), options="--server-side")
    cluster.alice.is_refused("apply --server-side --field-manager=alice -f -", config_map("applied", SHOP, a="3"))
    taken = "--server-side --field-manager=alice --force-conflicts"
    cluster.alice.apply(config_map("applied", SHOP, a="3"), deployment("applied", SHOP, 2), options=taken)
    cluster.running("app=applied", SHOP, 2)


def names_from_the_server(cluster: Cluster) -> None:
    """Have the server make up names; some of what has them is deleted by them."""
    made = (config_map("made-", SHOP), pod("made-", SHOP), job("made-", SHOP), service_account("made-", SHOP))
    cluster.alice.create(*made)
    _, *others = cluster.alice.create(*made)
    cluster.bob(f"delete -n {SHOP} {' '.join(others)}")
    # Without answers about Secrets its name is known from its deletion only.
    (told,) = cluster.bob.create(secret("made-", SHOP, a="1"))
    cluster.bob(f"delete -n {SHOP} {told}")


def answers_of_other_forms(cluster: Cluster) -> None:
    """Write as clients do that ask for less than the object."""
    alice, pods, maps = cluster.alice, f"/api/v1/namespaces/{SHOP}/pods", f"/api/v1/namespaces/{SHOP}/configmaps"
    for accept, name in ((TABLE, "table"), (METADATA, "partial")):
        assert alice.request("POST", pods, pod(name, SHOP, privileged=True), accept=accept).code == 201
        assert alice.request("POST", maps, config_map(f"{name}-", SHOP), accept=accept).code == 201
        assert alice.request("POST", maps, config_map(f"{name}-gone", SHOP), accept=accept).code == 201
        patch = {"metadata": {"labels": {"changed": "yes"}}}
        merge = "application/merge-patch+json"
        assert alice.request("PATCH", f"{maps}/{name}-gone", patch, accept=accept, content=merge).code == 200
        assert alice.request("DELETE", f"{maps}/{name}-gone", accept=accept).code == 200
    assert alice.request("DELETE", f"{pods}/table", accept=TABLE).code == 200
    cluster.gone("pod/table", SHOP)


def answers_that_cannot_be_given(cluster: Cluster) -> None:
    """Write as a client does that asks for a form which the answer does not have: it is done, and answered 406."""
    alice, core = cluster.alice, f"/api/v1/namespaces/{UNTOLD}"
    one, many, maps = METADATA, METADATA.replace("Metadata", "MetadataList"), f"{core}/configmaps"
    cluster.bob(f"create namespace {UNTOLD}")

    def are_left(*names: str) -> bool:
        # One that each namespace has is made anew by its controller.
        return {each["metadata"]["name"] for each in alice.list("configmaps", f"-n {UNTOLD}")} == {
            "kube-root-ca.crt",
            *names,
        }

    until(are_left, "the namespace has its ConfigMap")
    alice.create(config_map("listed", UNTOLD))
    assert alice.request("DELETE", maps, delete_options(), accept=one).code == 406
    until(are_left, "all is gone, and the namespace has its ConfigMap again")
    until(lambda: alice.list("serviceaccounts", f"-n {UNTOLD}"), "the namespace has its service account")
    assert alice.request("POST", f"{core}/pods", pod("made", UNTOLD, privileged=True), accept=many).code == 406
    assert alice.request("POST", maps, config_map("made", UNTOLD), accept=many).code == 406
    alice.create(with_finalizer(config_map("ending", UNTOLD)))
    assert alice.request("DELETE", f"{maps}/ending", delete_options(), accept=many).code == 406
    none, merge = {"metadata": {"finalizers": None}}, "application/merge-patch+json"
    assert alice.request("PATCH", f"{maps}/ending", none, accept=many, content=merge).code == 406
    assert are_left("made")


def roles_and_bindings(cluster: Cluster) -> None:
    """Make roles and bindings, some of them by an update of what is not there; change and delete some."""
    bob, reads = cluster.bob, permission("", "pods,configmaps", "get,list")
    bob.create(role("reader", SHOP, reads), role("story-reader", "", reads), role("brief", SHOP, reads))
    bob.create(binding("readers", SHOP, "view", "mallory"), binding("story-viewers", "", "view", "nobody"))
    put = role("by-update", SHOP, reads)
    assert bob.request("PUT", f"/apis/{RBAC}/v1/namespaces/{SHOP}/roles/by-update", put).code == 201
    put = role("story-by-update", "", reads)
    assert bob.request("PUT", f"/apis/{RBAC}/v1/clusterroles/story-by-update", put).code == 201
    bob(f"set subject rolebinding/readers --user=carol --user=mallory -n {SHOP}")
    bob(f"delete role brief -n {SHOP}")
    bob("delete clusterrolebinding story-viewers")
    bob("delete clusterrole story-by-update")


def ways_into_pods(cluster: Cluster) -> None:
    """Run commands in pods, copy into one, add an ephemeral container."""
    cluster.alice.create(pod("entered", SHOP))
    cluster.running("app=entered", SHOP, 1)
    cluster.carol(f"exec entered -n {SHOP} -- ls /")
    dangerous = cluster.running(f"app={DANGEROUS}", SHOP, 2)[0]
    cluster.carol(f"exec {dangerous} -n {SHOP} -- id")
    cluster.carol(f"logs entered -n {SHOP}")
    cluster.bob(f"debug entered -n {SHOP} --image=registry.example.test/tools:1 --container=look --attach=false")
    cluster.bob(f"""patch pod entered -n {SHOP} -p '{{"metadata":{{"labels":{{"looked":"yes"}}}}}}'""")


def evictions(cluster: Cluster) -> None:
    """Evict a pod of a Deployment, one of nobody, one that a budget keeps, and one only for trial."""
    bob = cluster.bob
    bob.create(pod("evicted", SHOP), pod("tried", SHOP), pod("budgeted", SHOP))
    for name in ("evicted", "tried", "budgeted"):
        cluster.running(f"app={name}", SHOP, 1)
    bob(f"create poddisruptionbudget kept --selector=app=budgeted --min-available=1 -n {SHOP}")
    until(lambda: bob.list("pdb", f"-n {SHOP}")[0]["status"].get("currentHealthy"), "the budget counts its pod")
    of_web = cluster.running("app=web", SHOP, 1)[0]
    path = f"/api/v1/namespaces/{SHOP}/pods"
    for name in ("evicted", of_web):
        bob(f"create --raw {path}/{name}/eviction -f -", eviction(name, SHOP))
    bob.is_refused(f"create --raw {path}/budgeted/eviction -f -", eviction("budgeted", SHOP))
    bob(f"create --raw {path}/tried/eviction?dryRun=All -f -", eviction("tried", SHOP, dryRun=["All"]))
    bob(f"create --raw {path}/tried/eviction -f -", eviction("tried", SHOP, dryRun=["All"]))
    cluster.gone("pod/evicted", SHOP)
    cluster.running("app=web", SHOP, 1)


def another_in_whose_name(cluster: Cluster) -> None:
    """Create as somebody else."""
    cluster.admin("create namespace lent --as=bob")
    cluster.admin("create configmap lent -n lent --as=alice --from-literal=a=1")
    cluster.bob.create(namespace("spare"), delete_me := namespace("spare-too"))
    cluster.bob("delete -f - --wait=false", delete_me)
    cluster.gone("namespace/spare-too", "default")


def the_clock_stops(cluster: Cluster) -> None:
    """Suspend the CronJob, once it has made a Job of its own."""

    def has_ticked() -> bool:
        jobs = cluster.admin.list("jobs", f"-n {SHOP}")
        return any(job["metadata"]["name"].startswith(f"{CRON}-") for job in jobs)

    until(has_ticked, "the CronJob has made a Job")
    cluster.carol(f"""patch cronjob {CRON} -n {SHOP} -p '{{"spec":{{"suspend":true}}}}'""")
