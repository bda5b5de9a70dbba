#!/usr/bin/env python3
"""Does the tasks of a study's `cluster/job.toml` by HyperQueue's own server and workers.

    bench/hyperqueue_tasks.py FOLDER/cluster/job.toml [--workers 2] [--server DIR]

The job file is that of `lapwing study submit DESIGN --output FOLDER --engine hq --dry-run`, without its first line, in a
folder that is there.
Its commands, dependencies, requests for processors and places of the logs go to the server through HyperQueue's Python
package (`pip install hyperqueue`), which has server and workers but neither the program `hq` nor its reading of job
files. Prints whether every task finished, and the seconds.
"""

import argparse
import pathlib
import tempfile
import time
import tomllib

from hyperqueue import Job, LocalCluster
from hyperqueue.cluster import WorkerConfig
from hyperqueue.ffi.protocol import ResourceRequest


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", type=pathlib.Path)
    parser.add_argument("--workers", type=int, default=2, help="workers, each with one processor")
    parser.add_argument("--server", help="folder of the server; a temporary one unless given")
    options = parser.parse_args()
    described = tomllib.loads(options.job.read_text())
    with tempfile.TemporaryDirectory() as temporary, LocalCluster(options.server or temporary) as cluster:
        for _ in range(options.workers):
            cluster.start_worker(WorkerConfig(cores=1))
        job = Job(name=described["name"], max_fails=None)
        tasks = {}
        for task in described["task"]:
            requests = [ResourceRequest(resources=request["resources"]) for request in task["request"]]
            tasks[task["id"]] = job.program(
                task["command"],
                stdout=task["stdout"],
                stderr=task["stderr"],
                deps=[tasks[other] for other in task["deps"]],
                resources=requests,
            )
        client = cluster.client()
        began = time.time()
        finished = client.wait_for_jobs([client.submit(job)], raise_on_error=False)
        words = "all tasks finished" if finished else "not all tasks finished"
        print(f"{words}: {len(tasks)} tasks, {time.time() - began:.0f} s")
    raise SystemExit(0 if finished else 1)


if __name__ == "__main__":
    main()
