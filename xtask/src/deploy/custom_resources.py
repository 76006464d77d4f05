"""Checks resources that Kubernetes itself has no schema for: python custom_resources.py FILE...

Models made from the operators' own definitions read each one. What a model does not know it leaves
out, so what comes back is compared with what was written: a misspelt field is a lost one.
"""

import sys

import yaml
from cloudcoil.models.cert_manager.v1 import Certificate, Issuer
from cloudcoil.models.keda.v1alpha1 import ScaledObject
from cloudcoil.models.prometheus_operator.v1 import PodMonitor, PrometheusRule

MODELS = {model.__name__: model for model in (Certificate, Issuer, PodMonitor, PrometheusRule, ScaledObject)}


def lost(written, read, path):
    """The paths of what was written and not read."""
    if isinstance(written, dict) and isinstance(read, dict):
        for key, value in written.items():
            below = f"{path}.{key}"
            if key in read:
                yield from lost(value, read[key], below)
            else:
                yield f"{below} is not known"
    elif isinstance(written, list) and isinstance(read, list) and len(written) == len(read):
        for index, pair in enumerate(zip(written, read)):
            yield from lost(*pair, f"{path}[{index}]")
    elif written != read:
        yield f"{path} is {written!r} and was read as {read!r}"


def findings(resource):
    model = MODELS[resource["kind"]]
    try:
        read = model.model_validate(resource)
    except ValueError as error:
        return [str(error)]
    read = read.model_dump(mode="json", by_alias=True, exclude_none=True)
    return list(lost(resource, read, ""))


def main(files):
    bad = 0
    for file in files:
        with open(file, encoding="utf-8") as text:
            resources = [r for r in yaml.safe_load_all(text) if r and r["kind"] in MODELS]
        for resource in resources:
            name = f"{resource['kind']} {resource['metadata']['name']}"
            for finding in findings(resource):
                bad += 1
                print(f"{file}: {name}: {finding}")
        print(f"{file}: {len(resources)} custom resources read")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
