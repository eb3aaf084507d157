"""Starts two nodes of Ray on this machine: python ray_nodes.py.

Prints their address, ends the second node at the first line of input and all nodes at the next
line. Ray leaves files open in the process that starts nodes, so a test must not start them itself.
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
