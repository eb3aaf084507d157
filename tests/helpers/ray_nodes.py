"""Two nodes of Ray on this machine: python ray_nodes.py.

Prints their address; ends the second one at the first line it reads, and all at the next one. Ray
leaves files open in the process that starts nodes, which a test must not do.
"""

import sys

from ray.cluster_utils import Cluster

nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
second = nodes.add_node(num_cpus=1)
print(nodes.address, flush=True)
sys.stdin.readline()
nodes.remove_node(second, allow_graceful=False)
sys.stdin.readline()
nodes.shutdown()
