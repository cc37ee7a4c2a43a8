"""Every code that a problem or a refusal carries, with what it means and what mends it."""

CODES = {
    "E-ASSETS": "`assets` of a target is the URL of a place where its content is kept for other machines: file:///mnt/share/assets, "
    "s3://bucket/prefix, abfs://container/prefix or another store that fsspec has a backend for. What opens the store does not stand in "
    "it: backends take it from the environment or from files of their own.",
    "E-AUTH": "auth_mode is how callers prove who they are: key, aml_token or aad_token. Kubernetes endpoints have no "
    "aad_token, and there is no endpoint without authentication.",
    "E-BYLAW": "A file in policies/ has a key or a value that is not known, or an expression that is none: each document holds `name`, "
    "`over` (plan, resource, step or field), `deny_if` or `warn_if`, and may hold `message` or `message_expression`, `description`, `targets` and "
    "`endpoints`. Or a policy that may deny cannot be evaluated for a part of the plan, which is refused then: guard what may be absent with "
    "has(…) or != null. All policies of a plan have 10 seconds of computing and 2 GiB.",
    "E-CONDA": "The conda file cannot be read, or is not the mapping with `dependencies` that conda and the Azure tools "
    "expect. The place in the message is in the conda file.",
    "E-CONFIG": "mlops.yaml has a key or a value that is not known. It holds `manifests`, `targets` and `policies`; each target "
    "holds provider, default, state, variables, overrides, policies, protect, quota, pinned, max_delete, and the provider's own keys.",
    "E-DELETE-BUDGET": "The plan deletes more than the budget: the larger of 5 and 20 % of what is recorded. A wrong path "
    "or a half-checked-out folder looks just like that. If it is meant, give the number with --max-delete.",
    "E-DELETE-TRAFFIC": "A deployment with live traffic is not deleted, nor replaced by deleting it first, nor its file removed. Move the "
    "traffic to another deployment, apply, then delete; or bring the new one up under another name.",
    "E-DENIED": "A policy of policies/*.yaml denies the plan; the message names policy, step and field, and whatever is due instead. A change "
    "of the policy counts once it is where policies are taken from: see --policies.",
    "E-DUP-CASE": "Azure lowers the letters of endpoint and deployment names, so two names that differ in case are one.",
    "E-DUP-RESOURCE": "Two documents define one resource. Keep one; the other's place is in the message.",
    "E-EMPTY": "The manifests define nothing at all, and everything recorded would be deleted. Check the path; say "
    "--allow-empty if it is meant.",
    "E-ENV": "An environment is an `image`, with a conda file or without, or a `build` context; exactly one of the two. "
    "A deployment names one as azureml:NAME:VERSION, azureml:NAME@latest, file:PATH, or holds it inline.",
    "E-ENVVAR": "Environment variables are named by letters, digits and underscores, and their values are text; numbers "
    "and booleans are taken as text, lists and mappings are not.",
    "E-FIELD": "The Azure schema has no such field there, and the Azure tools refuse it too. `mlops schema KIND` lists "
    "the fields.",
    "E-FOREIGN": "An object of that name is live and carries another state's mark, or none. It is never overwritten and "
    "never deleted: take it over with `mlops import ADDRESS`, remove it, choose another name, or work with the state that made it.",
    "E-GIT": "The file has conflict markers, or there is no git repository, or in it no such revision or path. Resolve the merge, or "
    "correct REV:PATH.",
    "E-IMMUTABLE": "A registered version of a model or an environment never changes, so that what served yesterday can "
    "be served again. Give the new content a new version.",
    "E-IN-USE": "An endpoint, a model or an environment would be deleted while a recorded deployment stands on it. That happens "
    "when a plan is confined by --only or to single files; plan the whole folder.",
    "E-INSTANCES": "instance_count is a whole number of at least 1.",
    "E-KIND": "The file named on the command line is none of endpoint, deployment, model or environment by its $schema "
    "or its keys. Add the $schema line.",
    "E-LFS": "A file of the code, of a build context or a conda file is a Git LFS pointer, not what is to be deployed. Run `git lfs pull`, or name the "
    "file in the folder's .amlignore if it is not needed.",
    "E-LINK-OUT": "A symbolic link leads out of the repository, where git does not see changes. Copy the file in.",
    "E-MANY": "The file has more than 1,000 problems, of which the first are told. Usually they are one: a wrong indent, or another file.",
    "E-MIRROR": "mirror_traffic sends copies of 1 to 50 % of the requests to one deployment, which has no live traffic.",
    "E-MODEL": "The model's folder holds no file, or all its files are ignored; or the model is of type mlflow_model, and its folder "
    "has no file MLmodel, neither itself nor in a folder of it.",
    "E-MODEL-LFS": "The file is a Git LFS pointer, not the model itself. Run `git lfs pull`.",
    "E-MODEL-REF": "A model is named as azureml:NAME:VERSION or azureml:NAME@latest, by a registry's or an ARM id, or "
    "is held inline as a mapping with `path`.",
    "E-NAME": "Azure's rule: 3 to 32 letters, digits and dashes, beginning with a letter; endpoints end with a letter "
    "or a digit. Models and environments have names and versions without /, :, @ and spaces, so that azureml:NAME:VERSION is one of them.",
    "E-NAME-CHAR": "The name holds a character that cannot be seen or that changes how text around it looks.",
    "E-OLD-RECORD": "A live object carries this state's mark and a generation that the record never had: the record is a copy from "
    "before, such as a backup. Bring back the newer one. If it is lost, `mlops state rebuild` makes the record anew from the live "
    "objects, and `mlops apply --refresh-only` records them as they are.",
    "E-PATH": "What the path names is not there. Paths count from the folder of the file that holds them.",
    "E-PATH-FORM": "Paths are relative and written with slashes: no absolute path, no ~, no drive, no %2e.",
    "E-PATH-OUT": "The path leaves the repository, where git does not see changes.",
    "E-PROBE": "A probe or a time-out is out of bounds: periods and thresholds are at least 1, a request's time-out is at "
    "most 180,000 ms on managed endpoints and 300,000 ms on kubernetes ones, and no request queues longer than that.",
    "E-PROTECTED": "The target protects this address in mlops.yaml; take it from the list first.",
    "E-QUOTA": "The target's quota has too few cores at the step that needs most of them. Azure keeps 20 % in reserve "
    "for upgrades, so n instances take ceil(1.2 n) times the cores of their size, a few GPU sizes aside.",
    "E-REF": "The name leads nowhere: neither the manifests nor the record have it, or its file is gone and it is about "
    "to be deleted.",
    "E-REGISTRY": "The asset lies in an Azure registry, which this provider cannot reach.",
    "E-ROLLBACK": "The target cannot be brought back to that run. The record knows digests of secrets and of content, not their values, and "
    "nothing of runs that an older version wrote down; the other way is the run's commit, if it applied a whole folder that did not "
    "differ from it. Each reason is told; `mlops history` shows the runs that there are.",
    "E-REQUIRED": "A field that Azure demands is missing. For a single file, --name and --endpoint-name give the names.",
    "E-SCALE": "The bounds of an autoscaler contradict themselves: the minimum is above the maximum, or a bound is below 1; or "
    "a deployment has two autoscalers, scale_settings of its own and a policy in mlops.yaml.",
    "E-SCHEMA": "The $schema is one of Azure ML's, of a kind that is not managed here, or is misspelt.",
    "E-SCRIPT": "scoring_script is not in the code folder, or no file that a server could read.",
    "E-SCRIPT-API": "The scoring script is read, never run: it defines no init() or no run(raw_data) that the server "
    "could call.",
    "E-SCRIPT-SYNTAX": "Python cannot read the scoring script; the place in the message is in the script.",
    "E-SECRET": "A secret that is written into a file is known to everybody who can read the repository, for ever. Write "
    "${{secret:NAME}} in environment_variables or a conda file and give the value as MLOPS_SECRET_NAME; change the one that was committed. A line that "
    "holds none ends with `# pragma: allowlist secret`. What an option says is recorded and shown, too.",
    "E-SECRET-REF": "${{secret:NAME}} becomes the value of the environment variable MLOPS_SECRET_NAME, name in capitals, dots and dashes "
    "as underscores, when planning and applying; an empty one counts as none. It is taken in environment_variables and in conda files alone.",
    "E-SET": "--set names a resource that the files do not have, or a field below something that has no fields.",
    "E-STATE-DAMAGED": "What is recorded cannot be trusted: the file was cut, changed by something else, or is no database. Restore "
    "the backup beside it; `mlops state rebuild` makes a lost record anew from the live objects.",
    "E-STATE-FOREIGN": "The file is another program's, or its header is damaged. It is never written to: restore it, or name another "
    "file with `state:` in mlops.yaml.",
    "E-STATE-KEY": "The key under which the record's secrets are compared is lost, damaged or another one. Restore state.key, or set "
    "MLOPS_STATE_KEY; without it deployments with variables show as changed once.",
    "E-STATE-NEWER": "A newer mlops wrote the record. An older one would lose what it does not know, so it neither reads nor writes it: "
    "upgrade mlops.",
    "E-STATE-POOLER": "A pooler in transaction mode stands before PostgreSQL. Each transaction there may run in another session, and a "
    "run lock belongs to one. Name the server itself, or a pool in session mode.",
    "E-TARGET": "mlops.yaml has no such target, or several and none that is the default.",
    "E-TRAFFIC-REF": "traffic or mirror_traffic names a deployment that the endpoint does not have.",
    "E-TRAFFIC-SUM": "Live traffic sums to 100, or to 0 for none.",
    "E-TRAFFIC-VALUE": "A share of traffic is a whole number from 0 to 100, without a percent sign.",
    "E-TYPE": "The value is of another type than the field. YAML 1.1 reads NO, on and off as booleans, 12:30:45 as a "
    "number and 2024-01-02 as a date: write them in quotes where text is meant.",
    "E-UNCLEAN": "With --require-clean, or `require_clean: true` of the target, all that is applied has to be as the checkout's commit "
    "has it. Each file that is not is named: commit it, have it out of the folder, or apply a commit itself as REV:PATH.",
    "E-UNPINNED": "The target says `pinned: true`, and the name may mean something else tomorrow: a label as @latest, or an image "
    "without a version. Name the version, or the image's digest.",
    "E-UNSUPPORTED": "The target's provider cannot do this; the message says which can, or what to write instead.",
    "E-VALUE": "The value is none of those that the field takes.",
    "E-VALUE-FINITE": "Infinity and not-a-number are no values; not-a-number does not even equal itself.",
    "E-VARIABLE": "{{NAME}} stands in the file and nothing gives it: say --var NAME=VALUE, or `variables` of the target.",
    "E-VERSION-TEXT": "YAML reads the version as something else than what is written, 1.10 as 1.1; write it in quotes.",
    "E-YAML-ALIAS": "The document holds more than 100,000 nodes, its aliases and merges expanded.",
    "E-YAML-DEPTH": "The file is nested deeper than 50 levels.",
    "E-YAML-DUP": "A key is given twice. The Azure tools silently take the last one; here it is a mistake.",
    "E-YAML-EMPTY": "The file holds nothing.",
    "E-YAML-ENC": "The file is not UTF-8.",
    "E-YAML-KEY": "A key is a list, a mapping, a truth value or nothing, where keys are text; or keys are so long that the paths of all that "
    "they hold would be more than 10,000,000 letters.",
    "E-YAML-SIZE": "The file is larger than 1 MiB.",
    "E-YAML-SYNTAX": "The file is not YAML at the place in the message.",
    "E-YAML-TAG": "YAML tags such as !!python/object build things while a file is read; none is allowed.",
    "E-YAML-TOP": "A resource is a mapping of fields, and the document is something else.",
    "E-YAML-VALUE": "A number has more digits than any field could mean.",
    "W-BYLAW": "A policy of policies/*.yaml warns of the plan, or cannot be evaluated for a part of it; or the checkout has other policies than those "
    "that are in force, which --policies or MLOPS_POLICIES names.",
    "W-BLAME": "Git does not say who last wrote what fields of the plan come from, for the reason in the message; the plan is the same "
    "without. In a clone that is cut off, as a CI's checkouts are by default, fetch the whole history. --no-blame asks for none.",
    "W-ENVVAR-RESERVED": "The server sets this variable itself, and one that is given here wins: the server then looks for the model or "
    "the script elsewhere.",
    "W-GIT": "This runs in CI, and a file that is applied differs from the commit or is in none, so that nobody can tell later what was "
    "applied. Commit it; what the run itself writes belongs outside of the folders that are applied.",
    "W-IMAGE": "The image is named without a version, so the next push of it is another one. Name its digest, or a tag that is never "
    "moved. A target with `pinned: true` refuses it.",
    "W-PLACEHOLDER": "The name, of a script or a resource, is a place that a template leaves to fill in. `validate` lets it pass, "
    "`plan` and `apply` do not.",
    "W-POLICY": "The target's provider cannot follow the policy: it has no traffic that moves step by step, or nobody who "
    "would scale between two applies. What the policy is of is there all the same.",
    "W-REF": "The files do not define the asset, and no record was looked at: a command may have registered it, or still has to before "
    "this is applied.",
    "W-SET": "An override or a policy in mlops.yaml names a resource that the files do not have.",
    "W-SKU": "The size of machine is not in the table of sizes, so it cannot be held against a quota.",
    "W-UNPINNED": "A label such as @latest is resolved when planning and pinned in the plan, but the same files mean something else "
    "tomorrow. Name the version. A target with `pinned: true` refuses it.",
    "W-UNSUPPORTED": "The target's provider does nothing of this; the rest of the resource is there all the same.",
}
