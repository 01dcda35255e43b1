"""Both ticketing APIs in small, over real HTTP: with data, faults and a log of requests.

For demo, tests and benchmarks. Not part of the distribution. `python -m sandbox` runs it as a process of its own.
"""

from sandbox.box import RateLimit, Sandbox, Scale
from sandbox.faults import KINDS, Fault
from sandbox.web import Request, Response

__all__ = ["KINDS", "Fault", "RateLimit", "Request", "Response", "Sandbox", "Scale"]
