#!/usr/bin/env python3
"""Measures `tagpin pin --dry-run` beside Renovate's lookup on the same manifests, with a registry on loopback.

    benches/beside_renovate.py --tagpin target/dist/tagpin --renovate node_modules/.bin/renovate 100 500

Wants `docker-registry` (distribution) in the PATH. Everything is cold: caches and home directories are new each time.
Times differ from machine to machine: compare the ratios of one run.
"""

import argparse
import hashlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request

MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


def send(method, url, body=b"", media_type="application/octet-stream"):
    request = urllib.request.Request(url, data=body, method=method, headers={"content-type": media_type})
    with urllib.request.urlopen(request) as answer:
        return answer.headers


def put_blob(base, name, body):
    place = send("POST", f"{base}/v2/{name}/blobs/uploads/")["location"]
    digest = "sha256:" + hashlib.sha256(body).hexdigest()
    send("PUT", place + ("&" if "?" in place else "?") + "digest=" + digest, body)
    return {"digest": digest, "size": len(body)}


def seed(base, count):
    for number in range(count):
        name = f"team-{number % 7}/app-{number}"
        config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Labels": {"n": str(number)}}}).encode()
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **put_blob(base, name, config)},
            "layers": [],
        }
        send("PUT", f"{base}/v2/{name}/manifests/1.{number}.0", json.dumps(manifest).encode(), MANIFEST)


def manifests(directory, host, count):
    for number in range(count):
        path = directory / f"apps/app-{number}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app\nspec:\n  template:\n    spec:\n"
            f"      containers:\n        - name: app\n          image: {host}/team-{number % 7}/app-{number}:1.{number}.0\n"
        )


def measure(command, directory, environment, expected):
    """Runs a command with a home of its own; returns wall time, CPU time and peak memory of it and its children."""
    home = tempfile.mkdtemp()
    environment = {"PATH": os.environ["PATH"], "HOME": home, **environment}
    with tempfile.TemporaryFile() as out:
        start = time.monotonic()
        child = subprocess.Popen(command, cwd=directory, env=environment, stdout=out, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.monotonic() - start
        out.seek(0)
        text = out.read().decode(errors="replace")
    shutil.rmtree(home, ignore_errors=True)
    found = len(set(part for part in text.replace('"', " ").split() if "sha256:" in part))
    if os.waitstatus_to_exitcode(status) != 0 or found < expected:
        raise SystemExit(f"{command[0]} found {found} of {expected} digests:\n{text[-3000:]}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--tagpin", required=True, type=os.path.abspath)
    arguments.add_argument("--renovate", required=True, type=os.path.abspath)
    arguments.add_argument("counts", nargs="+", type=int)
    options = arguments.parse_args()
    work = pathlib.Path(tempfile.mkdtemp())
    port = free_port()
    host = f"127.0.0.1:{port}"
    config = work / "registry.yaml"
    config.write_text(
        f"version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nhttp: {{addr: '{host}'}}\n"
        f"storage: {{filesystem: {{rootdirectory: {work}/registry}}}}\n"
    )
    registry = subprocess.Popen(["docker-registry", "serve", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            try:
                send("GET", f"http://{host}/v2/", None)
                break
            except OSError:
                time.sleep(0.1)
        seed(f"http://{host}", max(options.counts))
        print("| images | program | wall s | CPU s | peak MB |\n|---:|---|---:|---:|---:|")
        for count in options.counts:
            directory = work / f"repository-{count}"
            manifests(directory, host, count)
            subprocess.run(["git", "init", "--quiet", directory], check=True)
            subprocess.run(["git", "-C", directory, "add", "--all"], check=True)
            toml = work / "tagpin.toml"
            toml.write_text(f"[[registry]]\nprefix = \"{host}\"\ninsecure = true\n")
            tagpin = measure([options.tagpin, "pin", "--dry-run", "--config", toml], directory, {}, count)
            settings = work / "renovate.json"
            settings.write_text(json.dumps({
                "platform": "local", "dryRun": "lookup", "onboarding": False, "requireConfig": "ignored",
                "enabledManagers": ["kubernetes"], "kubernetes": {"managerFilePatterns": ["/\\.yaml$/"]},
                "pinDigests": True, "packageRules": [{"matchUpdateTypes": ["major", "minor", "patch"], "enabled": False}],
                "hostRules": [{"matchHost": f"https://{host}", "insecureRegistry": True}],
            }))
            log = {"RENOVATE_CONFIG_FILE": str(settings), "LOG_LEVEL": "debug", "RENOVATE_BASE_DIR": str(work / f"base-{count}")}
            renovate = measure([options.renovate], directory, log, count)
            for name, (wall, cpu, peak) in (("tagpin", tagpin), ("Renovate", renovate)):
                print(f"| {count} | {name} | {wall:.2f} | {cpu:.2f} | {peak:.0f} |")
            print(f"| {count} | ratio | " + " | ".join(f"{b / a:.0f}" for a, b in zip(tagpin, renovate)) + " |", flush=True)
    finally:
        registry.terminate()
        registry.wait()
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
